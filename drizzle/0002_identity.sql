CREATE TABLE "session" (
	"id" text PRIMARY KEY NOT NULL,
	"account_id" text NOT NULL,
	"token" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"ip_address" text,
	"user_agent" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "session_token_unique" UNIQUE("token")
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
ALTER TABLE "cart" DROP CONSTRAINT "cart_status";--> statement-breakpoint
ALTER TABLE "order" ALTER COLUMN "email" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "cart" ADD COLUMN "customer_id" text;--> statement-breakpoint
ALTER TABLE "cart" ADD COLUMN "channel" text DEFAULT 'web' NOT NULL;--> statement-breakpoint
ALTER TABLE "order" ADD COLUMN "customer_id" text;--> statement-breakpoint
ALTER TABLE "order" ADD COLUMN "channel" text DEFAULT 'web' NOT NULL;--> statement-breakpoint
CREATE INDEX "session_account" ON "session" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "session_expires_at" ON "session" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "cart_open_of_customer" ON "cart" USING btree ("customer_id") WHERE "cart"."status" = 'open';--> statement-breakpoint
CREATE INDEX "cart_customer" ON "cart" USING btree ("customer_id") WHERE "cart"."customer_id" is not null;--> statement-breakpoint
CREATE INDEX "order_customer" ON "order" USING btree ("customer_id","id") WHERE "order"."customer_id" is not null;--> statement-breakpoint
CREATE INDEX "order_guest_email" ON "order" USING btree (lower("email")) WHERE "order"."customer_id" is null;--> statement-breakpoint
ALTER TABLE "cart" ADD CONSTRAINT "cart_status" CHECK ("cart"."status" in ('open', 'placing', 'ordered', 'merged'));