CREATE TABLE "audit" (
	"id" uuid PRIMARY KEY NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"subject" text NOT NULL,
	"request_id" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "feed_change" (
	"feed" text NOT NULL,
	"n" bigint NOT NULL,
	"tags" text[] NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "feed_change_feed_n_pk" PRIMARY KEY("feed","n")
);
--> statement-breakpoint
CREATE TABLE "feed_clock" (
	"feed" text PRIMARY KEY NOT NULL,
	"n" bigint DEFAULT 0 NOT NULL,
	"history" text NOT NULL,
	"origin_started_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "feed_copy" (
	"only" smallint PRIMARY KEY DEFAULT 1 NOT NULL,
	"copy" text NOT NULL,
	CONSTRAINT "feed_copy_one_row" CHECK ("feed_copy"."only" = 1)
);
--> statement-breakpoint
CREATE TABLE "idempotency" (
	"key_hash" text NOT NULL,
	"contract" text NOT NULL,
	"caller" text NOT NULL,
	"fingerprint" text NOT NULL,
	"state" text DEFAULT 'running' NOT NULL,
	"status" integer,
	"response" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_key_hash_contract_caller_pk" PRIMARY KEY("key_hash","contract","caller"),
	CONSTRAINT "idempotency_state" CHECK ("idempotency"."state" in ('running', 'done')),
	CONSTRAINT "idempotency_done" CHECK (("idempotency"."state" = 'done') = ("idempotency"."status" is not null))
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" uuid PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"subject" text NOT NULL,
	"payload" jsonb NOT NULL,
	"occurred_at" timestamp with time zone DEFAULT now() NOT NULL,
	"dispatched_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "cart" (
	"id" text PRIMARY KEY NOT NULL,
	"secret_hash" text NOT NULL,
	"status" text DEFAULT 'open' NOT NULL,
	"market" text NOT NULL,
	"locale" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "cart_status" CHECK ("cart"."status" in ('open', 'placing', 'ordered'))
);
--> statement-breakpoint
CREATE TABLE "cart_line" (
	"cart_id" text NOT NULL,
	"sku" text NOT NULL,
	"quantity" integer NOT NULL,
	"added_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "cart_line_cart_id_sku_pk" PRIMARY KEY("cart_id","sku"),
	CONSTRAINT "cart_line_quantity" CHECK ("cart_line"."quantity" between 1 and 999)
);
--> statement-breakpoint
CREATE TABLE "category" (
	"id" text PRIMARY KEY NOT NULL,
	"handle" text NOT NULL,
	"parent_id" text,
	"position" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "category_translation" (
	"category_id" text NOT NULL,
	"locale" text NOT NULL,
	"name" text NOT NULL,
	CONSTRAINT "category_translation_category_id_locale_pk" PRIMARY KEY("category_id","locale")
);
--> statement-breakpoint
CREATE TABLE "listing" (
	"category_id" text NOT NULL,
	"market" text NOT NULL,
	"locale" text NOT NULL,
	"product_id" text NOT NULL,
	"sort_name" text NOT NULL,
	"sort_price" bigint NOT NULL,
	"published_at" timestamp with time zone NOT NULL,
	CONSTRAINT "listing_product_id_category_id_market_locale_pk" PRIMARY KEY("product_id","category_id","market","locale")
);
--> statement-breakpoint
CREATE TABLE "market" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"countries" text[] NOT NULL,
	"currency" text NOT NULL,
	"locales" text[] NOT NULL,
	"prices_include_tax" boolean NOT NULL,
	"tax_basis_points" integer NOT NULL,
	"is_default" boolean DEFAULT false NOT NULL,
	CONSTRAINT "market_locales" CHECK (cardinality("market"."locales") > 0),
	CONSTRAINT "market_tax" CHECK ("market"."tax_basis_points" between 0 and 10000)
);
--> statement-breakpoint
CREATE TABLE "price" (
	"variant_id" text NOT NULL,
	"currency" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	CONSTRAINT "price_variant_id_currency_pk" PRIMARY KEY("variant_id","currency"),
	CONSTRAINT "price_amount" CHECK ("price"."amount_minor" between 0 and 100000000000)
);
--> statement-breakpoint
CREATE TABLE "product" (
	"id" text PRIMARY KEY NOT NULL,
	"external_id" text,
	"handle" text NOT NULL,
	"status" text DEFAULT 'draft' NOT NULL,
	"brand" text,
	"options" jsonb NOT NULL,
	"attributes" jsonb NOT NULL,
	"media" jsonb NOT NULL,
	"published_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "product_status" CHECK ("product"."status" in ('draft', 'published', 'retired')),
	CONSTRAINT "product_published" CHECK ("product"."status" <> 'published' or "product"."published_at" is not null)
);
--> statement-breakpoint
CREATE TABLE "product_category" (
	"product_id" text NOT NULL,
	"category_id" text NOT NULL,
	"position" integer NOT NULL,
	CONSTRAINT "product_category_product_id_category_id_pk" PRIMARY KEY("product_id","category_id")
);
--> statement-breakpoint
CREATE TABLE "product_document" (
	"product_id" text NOT NULL,
	"market" text NOT NULL,
	"locale" text NOT NULL,
	"handle" text NOT NULL,
	"page" text NOT NULL,
	"etag" text NOT NULL,
	"card" text NOT NULL,
	CONSTRAINT "product_document_product_id_market_locale_pk" PRIMARY KEY("product_id","market","locale")
);
--> statement-breakpoint
CREATE TABLE "product_translation" (
	"product_id" text NOT NULL,
	"locale" text NOT NULL,
	"name" text NOT NULL,
	"description" text NOT NULL,
	CONSTRAINT "product_translation_product_id_locale_pk" PRIMARY KEY("product_id","locale")
);
--> statement-breakpoint
CREATE TABLE "variant" (
	"id" text PRIMARY KEY NOT NULL,
	"product_id" text NOT NULL,
	"sku" text NOT NULL,
	"options" jsonb NOT NULL,
	"position" integer NOT NULL,
	"availability" text DEFAULT 'out_of_stock' NOT NULL,
	CONSTRAINT "variant_availability" CHECK ("variant"."availability" in ('in_stock', 'low', 'out_of_stock', 'backorder'))
);
--> statement-breakpoint
CREATE TABLE "stock_level" (
	"sku" text PRIMARY KEY NOT NULL,
	"available" integer NOT NULL,
	"availability" text NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	CONSTRAINT "stock_level_available" CHECK ("stock_level"."available" >= 0),
	CONSTRAINT "stock_level_availability" CHECK ("stock_level"."availability" in ('in_stock', 'low', 'out_of_stock', 'backorder'))
);
--> statement-breakpoint
CREATE TABLE "stock_movement" (
	"id" uuid PRIMARY KEY NOT NULL,
	"sku" text NOT NULL,
	"quantity" integer NOT NULL,
	"reason" text NOT NULL,
	"reference" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "stock_movement_reason" CHECK ("stock_movement"."reason" in ('set', 'sold', 'returned')),
	CONSTRAINT "stock_movement_quantity" CHECK ("stock_movement"."quantity" <> 0)
);
--> statement-breakpoint
CREATE TABLE "order" (
	"id" text PRIMARY KEY NOT NULL,
	"cart_id" text NOT NULL,
	"state" text NOT NULL,
	"market" text NOT NULL,
	"locale" text NOT NULL,
	"email" text NOT NULL,
	"shipping_address" jsonb NOT NULL,
	"currency" text NOT NULL,
	"prices_include_tax" boolean NOT NULL,
	"subtotal_minor" bigint NOT NULL,
	"tax_minor" bigint NOT NULL,
	"total_minor" bigint NOT NULL,
	"placed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "order_state" CHECK ("order"."state" in ('payment_pending', 'confirmed', 'payment_failed')),
	CONSTRAINT "order_total" CHECK ("order"."total_minor" = "order"."subtotal_minor" + case when "order"."prices_include_tax" then 0 else "order"."tax_minor" end)
);
--> statement-breakpoint
CREATE TABLE "order_line" (
	"order_id" text NOT NULL,
	"position" integer NOT NULL,
	"sku" text NOT NULL,
	"name" text NOT NULL,
	"options" jsonb NOT NULL,
	"quantity" integer NOT NULL,
	"unit_price_minor" bigint NOT NULL,
	"total_minor" bigint NOT NULL,
	"tax_minor" bigint NOT NULL,
	CONSTRAINT "order_line_order_id_position_pk" PRIMARY KEY("order_id","position"),
	CONSTRAINT "order_line_total" CHECK ("order_line"."total_minor" = "order_line"."unit_price_minor" * "order_line"."quantity")
);
--> statement-breakpoint
CREATE TABLE "payment" (
	"id" text PRIMARY KEY NOT NULL,
	"order_id" text NOT NULL,
	"provider" text NOT NULL,
	"method" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"idempotency_record" jsonb,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"settled_at" timestamp with time zone,
	CONSTRAINT "payment_state" CHECK ("payment"."state" in ('pending', 'captured', 'declined', 'cancelled'))
);
--> statement-breakpoint
CREATE TABLE "test_provider_charge" (
	"key" text PRIMARY KEY NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"outcome" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "test_provider_outcome" CHECK ("test_provider_charge"."outcome" in ('captured', 'declined', 'cancelled'))
);
--> statement-breakpoint
ALTER TABLE "cart_line" ADD CONSTRAINT "cart_line_cart_id_cart_id_fk" FOREIGN KEY ("cart_id") REFERENCES "public"."cart"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "category" ADD CONSTRAINT "category_parent_id_category_id_fk" FOREIGN KEY ("parent_id") REFERENCES "public"."category"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "category_translation" ADD CONSTRAINT "category_translation_category_id_category_id_fk" FOREIGN KEY ("category_id") REFERENCES "public"."category"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "listing" ADD CONSTRAINT "listing_product_id_product_id_fk" FOREIGN KEY ("product_id") REFERENCES "public"."product"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "price" ADD CONSTRAINT "price_variant_id_variant_id_fk" FOREIGN KEY ("variant_id") REFERENCES "public"."variant"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "product_category" ADD CONSTRAINT "product_category_product_id_product_id_fk" FOREIGN KEY ("product_id") REFERENCES "public"."product"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "product_category" ADD CONSTRAINT "product_category_category_id_category_id_fk" FOREIGN KEY ("category_id") REFERENCES "public"."category"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "product_document" ADD CONSTRAINT "product_document_product_id_product_id_fk" FOREIGN KEY ("product_id") REFERENCES "public"."product"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "product_translation" ADD CONSTRAINT "product_translation_product_id_product_id_fk" FOREIGN KEY ("product_id") REFERENCES "public"."product"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "variant" ADD CONSTRAINT "variant_product_id_product_id_fk" FOREIGN KEY ("product_id") REFERENCES "public"."product"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stock_movement" ADD CONSTRAINT "stock_movement_sku_stock_level_sku_fk" FOREIGN KEY ("sku") REFERENCES "public"."stock_level"("sku") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "order_line" ADD CONSTRAINT "order_line_order_id_order_id_fk" FOREIGN KEY ("order_id") REFERENCES "public"."order"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idempotency_created_at" ON "idempotency" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "outbox_undispatched" ON "outbox" USING btree ("id") WHERE "outbox"."dispatched_at" is null;--> statement-breakpoint
CREATE INDEX "outbox_dispatched_at" ON "outbox" USING btree ("dispatched_at");--> statement-breakpoint
CREATE UNIQUE INDEX "category_handle" ON "category" USING btree ("handle");--> statement-breakpoint
CREATE INDEX "category_parent" ON "category" USING btree ("parent_id");--> statement-breakpoint
CREATE INDEX "listing_newest" ON "listing" USING btree ("category_id","market","locale","published_at","product_id");--> statement-breakpoint
CREATE INDEX "listing_name" ON "listing" USING btree ("category_id","market","locale","sort_name","product_id");--> statement-breakpoint
CREATE INDEX "listing_price" ON "listing" USING btree ("category_id","market","locale","sort_price","product_id");--> statement-breakpoint
CREATE UNIQUE INDEX "market_one_default" ON "market" USING btree ("is_default") WHERE "market"."is_default";--> statement-breakpoint
CREATE UNIQUE INDEX "product_handle" ON "product" USING btree ("handle");--> statement-breakpoint
CREATE UNIQUE INDEX "product_external_id" ON "product" USING btree ("external_id");--> statement-breakpoint
CREATE INDEX "product_category_category" ON "product_category" USING btree ("category_id");--> statement-breakpoint
CREATE UNIQUE INDEX "product_document_handle" ON "product_document" USING btree ("handle","market","locale");--> statement-breakpoint
CREATE UNIQUE INDEX "variant_sku" ON "variant" USING btree ("sku");--> statement-breakpoint
CREATE INDEX "variant_product" ON "variant" USING btree ("product_id","position");--> statement-breakpoint
CREATE INDEX "stock_movement_sku" ON "stock_movement" USING btree ("sku");--> statement-breakpoint
CREATE UNIQUE INDEX "order_one_per_cart" ON "order" USING btree ("cart_id") WHERE "order"."state" <> 'payment_failed';--> statement-breakpoint
CREATE INDEX "order_payment_pending" ON "order" USING btree ("placed_at") WHERE "order"."state" = 'payment_pending';--> statement-breakpoint
CREATE INDEX "payment_order" ON "payment" USING btree ("order_id");--> statement-breakpoint
CREATE INDEX "payment_pending" ON "payment" USING btree ("next_attempt_at") WHERE "payment"."state" = 'pending';--> statement-breakpoint
INSERT INTO "feed_clock" ("feed", "n", "history", "origin_started_at")
SELECT feed, 0, 'h' || left(replace(gen_random_uuid()::text, '-', ''), 12), pg_postmaster_start_time()
FROM unnest(array['catalogue', 'cell']) AS feed;
--> statement-breakpoint
INSERT INTO "feed_copy" ("copy") VALUES (gen_random_uuid()::text);
