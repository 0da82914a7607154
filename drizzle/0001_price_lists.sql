CREATE TABLE "price_list" (
	"id" text PRIMARY KEY NOT NULL,
	"handle" text NOT NULL,
	"name" text NOT NULL,
	"customer_group" text,
	"starts_at" timestamp with time zone,
	"ends_at" timestamp with time zone,
	"priority" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "price_list_schedule" CHECK ("price_list"."starts_at" < "price_list"."ends_at"),
	CONSTRAINT "price_list_group" CHECK ("price_list"."customer_group" <> '')
);
--> statement-breakpoint
CREATE TABLE "price_list_price" (
	"list_id" text NOT NULL,
	"variant_id" text NOT NULL,
	"currency" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	CONSTRAINT "price_list_price_variant_id_currency_list_id_pk" PRIMARY KEY("variant_id","currency","list_id"),
	CONSTRAINT "price_list_price_amount" CHECK ("price_list_price"."amount_minor" between 0 and 100000000000)
);
--> statement-breakpoint
DROP INDEX "listing_newest";--> statement-breakpoint
DROP INDEX "listing_name";--> statement-breakpoint
DROP INDEX "listing_price";--> statement-breakpoint
DROP INDEX "product_document_handle";--> statement-breakpoint
ALTER TABLE "listing" DROP CONSTRAINT "listing_product_id_category_id_market_locale_pk";--> statement-breakpoint
ALTER TABLE "product_document" DROP CONSTRAINT "product_document_product_id_market_locale_pk";--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "customer_group" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "valid_from" timestamp with time zone DEFAULT '-infinity' NOT NULL;--> statement-breakpoint
ALTER TABLE "listing" ADD COLUMN "valid_until" timestamp with time zone DEFAULT 'infinity' NOT NULL;--> statement-breakpoint
ALTER TABLE "product_document" ADD COLUMN "customer_group" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "product_document" ADD COLUMN "valid_from" timestamp with time zone DEFAULT '-infinity' NOT NULL;--> statement-breakpoint
ALTER TABLE "product_document" ADD COLUMN "valid_until" timestamp with time zone DEFAULT 'infinity' NOT NULL;--> statement-breakpoint
ALTER TABLE "listing" ADD CONSTRAINT "listing_place" PRIMARY KEY("product_id","category_id","market","locale","customer_group","valid_until");--> statement-breakpoint
ALTER TABLE "product_document" ADD CONSTRAINT "product_document_place" PRIMARY KEY("product_id","market","locale","customer_group","valid_until");--> statement-breakpoint
ALTER TABLE "price_list_price" ADD CONSTRAINT "price_list_price_list_id_price_list_id_fk" FOREIGN KEY ("list_id") REFERENCES "public"."price_list"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "price_list_price" ADD CONSTRAINT "price_list_price_variant_id_variant_id_fk" FOREIGN KEY ("variant_id") REFERENCES "public"."variant"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "price_list_handle" ON "price_list" USING btree ("handle");--> statement-breakpoint
CREATE INDEX "price_list_price_list" ON "price_list_price" USING btree ("list_id","variant_id");--> statement-breakpoint
CREATE INDEX "listing_boundary" ON "listing" USING btree ("category_id","market","locale","customer_group","valid_until") WHERE "listing"."valid_until" < 'infinity';--> statement-breakpoint
CREATE INDEX "listing_newest" ON "listing" USING btree ("category_id","market","locale","customer_group","published_at","product_id","valid_from","valid_until");--> statement-breakpoint
CREATE INDEX "listing_name" ON "listing" USING btree ("category_id","market","locale","customer_group","sort_name","product_id","valid_from","valid_until");--> statement-breakpoint
CREATE INDEX "listing_price" ON "listing" USING btree ("category_id","market","locale","customer_group","sort_price","product_id","valid_from","valid_until");--> statement-breakpoint
CREATE UNIQUE INDEX "product_document_handle" ON "product_document" USING btree ("handle","market","locale","customer_group","valid_until");