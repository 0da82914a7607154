CREATE TABLE "audit_seal" (
	"n" bigint PRIMARY KEY NOT NULL,
	"audit_id" uuid NOT NULL,
	"hash" text NOT NULL,
	CONSTRAINT "audit_seal_audit_id_unique" UNIQUE("audit_id"),
	CONSTRAINT "audit_seal_n" CHECK ("audit_seal"."n" > 0),
	CONSTRAINT "audit_seal_hash" CHECK ("audit_seal"."hash" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "session" (
	"id" text PRIMARY KEY NOT NULL,
	"account_id" text NOT NULL,
	"idle_seconds" integer NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"ends_at" timestamp with time zone NOT NULL,
	"user_agent" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"used_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "signing_key" (
	"kid" text PRIMARY KEY NOT NULL,
	"public_jwk" jsonb NOT NULL,
	"sealed_private" text NOT NULL,
	"signs_from" timestamp with time zone NOT NULL,
	"verifies_until" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "role" (
	"name" text PRIMARY KEY NOT NULL,
	"title" text NOT NULL,
	"scopes" text[] NOT NULL,
	"built_in" boolean DEFAULT false NOT NULL,
	CONSTRAINT "role_every_scope" CHECK ("role"."built_in" or not '*' = any("role"."scopes"))
);
--> statement-breakpoint
CREATE TABLE "staff_grant" (
	"account_id" text NOT NULL,
	"role" text NOT NULL,
	"cell" text,
	"channel" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"granted_by" text NOT NULL,
	CONSTRAINT "staff_grant_once" UNIQUE NULLS NOT DISTINCT("account_id","role","cell","channel"),
	CONSTRAINT "staff_grant_owner" CHECK ("staff_grant"."role" <> 'owner' or "staff_grant"."channel" is null)
);
--> statement-breakpoint
CREATE TABLE "address" (
	"id" text PRIMARY KEY NOT NULL,
	"customer_id" text NOT NULL,
	"document" jsonb NOT NULL,
	"is_default" boolean NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "customer_group" (
	"handle" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "account" (
	"id" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"email" text,
	"email_verified" boolean DEFAULT false NOT NULL,
	"name" text,
	"status" text DEFAULT 'active' NOT NULL,
	"customer_group" text,
	"locale" text,
	"two_factor_enabled" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "account_email" UNIQUE("kind","email"),
	CONSTRAINT "account_kind" CHECK ("account"."kind" in ('customer', 'staff')),
	CONSTRAINT "account_status" CHECK ("account"."status" in ('active', 'deactivated', 'erased')),
	CONSTRAINT "account_email_lower" CHECK ("account"."email" = lower("account"."email")),
	CONSTRAINT "account_erased" CHECK (case "account"."status" when 'erased' then "account"."email" is null and "account"."name" is null
        else "account"."email" is not null end)
);
--> statement-breakpoint
CREATE TABLE "credential" (
	"id" text PRIMARY KEY NOT NULL,
	"account_id" text NOT NULL,
	"provider" text NOT NULL,
	"subject" text NOT NULL,
	"password" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "credential_subject" UNIQUE("provider","subject"),
	CONSTRAINT "credential_account" UNIQUE("account_id","provider")
);
--> statement-breakpoint
CREATE TABLE "refresh_token" (
	"hash" text PRIMARY KEY NOT NULL,
	"session_id" text NOT NULL,
	"parent" text,
	"used_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "refresh_token_parent" UNIQUE("parent")
);
--> statement-breakpoint
CREATE TABLE "two_factor" (
	"account_id" text PRIMARY KEY NOT NULL,
	"secret" text NOT NULL,
	"backup_codes" text[] NOT NULL,
	"confirmed_at" timestamp with time zone,
	"last_step" bigint DEFAULT 0 NOT NULL,
	"failed_count" integer DEFAULT 0 NOT NULL,
	"locked_until" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "verification" (
	"id" text PRIMARY KEY NOT NULL,
	"identifier" text NOT NULL,
	"value" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "staff_invitation" (
	"id" text PRIMARY KEY NOT NULL,
	"email" text NOT NULL,
	"name" text,
	"grants" jsonb NOT NULL,
	"token_hash" text NOT NULL,
	"invited_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "staff_invitation_email" UNIQUE("email"),
	CONSTRAINT "staff_invitation_token" UNIQUE("token_hash"),
	CONSTRAINT "staff_invitation_email_lower" CHECK ("staff_invitation"."email" = lower("staff_invitation"."email"))
);
--> statement-breakpoint
ALTER TABLE "cart" DROP CONSTRAINT "cart_status";--> statement-breakpoint
ALTER TABLE "order" ALTER COLUMN "email" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "audit" ADD COLUMN "contract" text;--> statement-breakpoint
ALTER TABLE "audit" ADD COLUMN "detail" jsonb;--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "is_held" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "cart" ADD COLUMN "customer_id" text;--> statement-breakpoint
ALTER TABLE "cart" ADD COLUMN "channel" text DEFAULT 'web' NOT NULL;--> statement-breakpoint
ALTER TABLE "order" ADD COLUMN "customer_id" text;--> statement-breakpoint
ALTER TABLE "order" ADD COLUMN "channel" text DEFAULT 'web' NOT NULL;--> statement-breakpoint
ALTER TABLE "staff_grant" ADD CONSTRAINT "staff_grant_role_role_name_fk" FOREIGN KEY ("role") REFERENCES "public"."role"("name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credential" ADD CONSTRAINT "credential_account_id_account_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."account"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refresh_token" ADD CONSTRAINT "refresh_token_session_id_session_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."session"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "two_factor" ADD CONSTRAINT "two_factor_account_id_account_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."account"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "session_account" ON "session" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "session_expires_at" ON "session" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "staff_grant_role" ON "staff_grant" USING btree ("role","account_id");--> statement-breakpoint
CREATE INDEX "address_customer" ON "address" USING btree ("customer_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "address_default" ON "address" USING btree ("customer_id") WHERE "address"."is_default";--> statement-breakpoint
CREATE INDEX "account_status" ON "account" USING btree ("kind","status","id");--> statement-breakpoint
CREATE INDEX "account_group" ON "account" USING btree ("customer_group","id") WHERE "account"."customer_group" is not null;--> statement-breakpoint
CREATE INDEX "refresh_token_session" ON "refresh_token" USING btree ("session_id");--> statement-breakpoint
CREATE INDEX "refresh_token_used" ON "refresh_token" USING btree ("used_at");--> statement-breakpoint
CREATE INDEX "verification_identifier" ON "verification" USING btree ("identifier");--> statement-breakpoint
CREATE INDEX "verification_value" ON "verification" USING btree ("value");--> statement-breakpoint
CREATE INDEX "verification_expires_at" ON "verification" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "staff_invitation_expires_at" ON "staff_invitation" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "audit_at" ON "audit" USING btree ("at","id");--> statement-breakpoint
CREATE INDEX "audit_actor" ON "audit" USING btree ("actor","at","id");--> statement-breakpoint
CREATE INDEX "audit_action" ON "audit" USING btree ("action","at","id");--> statement-breakpoint
CREATE INDEX "audit_subject" ON "audit" USING btree ("subject","at","id");--> statement-breakpoint
CREATE INDEX "idempotency_caller" ON "idempotency" USING btree ("caller") WHERE "idempotency"."caller" <> 'guest';--> statement-breakpoint
CREATE INDEX "outbox_subject" ON "outbox" USING btree ("subject");--> statement-breakpoint
CREATE INDEX "outbox_held" ON "outbox" USING btree ("occurred_at") WHERE "outbox"."is_held";--> statement-breakpoint
CREATE UNIQUE INDEX "cart_open_of_customer" ON "cart" USING btree ("customer_id") WHERE "cart"."status" = 'open';--> statement-breakpoint
CREATE INDEX "cart_customer" ON "cart" USING btree ("customer_id") WHERE "cart"."customer_id" is not null;--> statement-breakpoint
CREATE INDEX "order_customer" ON "order" USING btree ("customer_id","id") WHERE "order"."customer_id" is not null;--> statement-breakpoint
CREATE INDEX "order_guest_email" ON "order" USING btree (lower("email")) WHERE "order"."customer_id" is null;--> statement-breakpoint
ALTER TABLE "cart" ADD CONSTRAINT "cart_status" CHECK ("cart"."status" in ('open', 'placing', 'ordered', 'merged'));