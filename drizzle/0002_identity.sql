ALTER TABLE "outbox" ADD COLUMN "is_held" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "outbox_held" ON "outbox" USING btree ("occurred_at") WHERE "outbox"."is_held";