-- The built-in roles, as regional/modules/access/built-in-roles.ts lists them.
INSERT INTO "role" ("name", "title", "scopes", "built_in") VALUES
  ('owner', 'Owner', '{*}', true),
  ('manager', 'Manager', '{catalogue:read,catalogue:write,inventory:read,inventory:write,carts:read,orders:read,customers:read,customers:write,staff:read,staff:write}', true),
  ('catalogue', 'Catalogue', '{catalogue:read,catalogue:write,inventory:read}', true),
  ('stock', 'Stock', '{catalogue:read,inventory:read,inventory:write}', true),
  ('support', 'Customer support', '{catalogue:read,inventory:read,carts:read,orders:read,customers:read,customers:write}', true),
  ('auditor', 'Auditor', '{catalogue:read,inventory:read,orders:read,staff:read,audit:read}', true);
