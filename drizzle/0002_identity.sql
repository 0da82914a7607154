CREATE TABLE "audit_seal" (
	"n" bigint PRIMARY KEY NOT NULL,
	"audit_id" uuid NOT NULL,
	"hash" text NOT NULL,
	CONSTRAINT "audit_seal_audit_id_unique" UNIQUE("audit_id"),
	CONSTRAINT "audit_seal_n" CHECK ("audit_seal"."n" > 0),
	CONSTRAINT "audit_seal_hash" CHECK ("audit_seal"."hash" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
ALTER TABLE "audit" ADD COLUMN "contract" text;--> statement-breakpoint
ALTER TABLE "audit" ADD COLUMN "detail" jsonb;--> statement-breakpoint
CREATE INDEX "audit_at" ON "audit" USING btree ("at","id");--> statement-breakpoint
CREATE INDEX "audit_actor" ON "audit" USING btree ("actor","at","id");--> statement-breakpoint
CREATE INDEX "audit_action" ON "audit" USING btree ("action","at","id");--> statement-breakpoint
CREATE INDEX "audit_subject" ON "audit" USING btree ("subject","at","id");