/**
 * The catalogue's tables. All of them are global data: nothing here belongs to one cell or one
 * person.
 */
import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core'

export const market = pgTable(
  'market',
  {
    id: text().primaryKey(),
    name: text().notNull(),
    countries: text().array().notNull(),
    currency: text().notNull(),
    /** The first is the default. */
    locales: text().array().notNull(),
    pricesIncludeTax: boolean('prices_include_tax').notNull(),
    taxBasisPoints: integer('tax_basis_points').notNull(),
    isDefault: boolean('is_default').notNull().default(false),
  },
  (table) => [
    uniqueIndex('market_one_default').on(table.isDefault).where(sql`${table.isDefault}`),
    check('market_locales', sql`cardinality(${table.locales}) > 0`),
    check('market_tax', sql`${table.taxBasisPoints} between 0 and 10000`),
  ],
)

export const category = pgTable(
  'category',
  {
    id: text().primaryKey(),
    handle: text().notNull(),
    parentId: text('parent_id').references((): AnyPgColumn => category.id),
    position: integer().notNull().default(0),
  },
  (table) => [
    uniqueIndex('category_handle').on(table.handle),
    index('category_parent').on(table.parentId),
  ],
)

export const categoryTranslation = pgTable(
  'category_translation',
  {
    categoryId: text('category_id')
      .notNull()
      .references(() => category.id, { onDelete: 'cascade' }),
    locale: text().notNull(),
    name: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.categoryId, table.locale] })],
)

export const product = pgTable(
  'product',
  {
    id: text().primaryKey(),
    externalId: text('external_id'),
    handle: text().notNull(),
    status: text().notNull().default('draft'),
    brand: text(),
    /** `[{ name, values }]`: the axes its variants differ by. */
    options: jsonb().$type<{ name: string; values: string[] }[]>().notNull(),
    attributes: jsonb().$type<Record<string, string | number | boolean>>().notNull(),
    media: jsonb().$type<{ url: string; alt: string }[]>().notNull(),
    /** The first publication, to the millisecond; orders `newest`. */
    publishedAt: timestamp('published_at', { withTimezone: true }),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('product_handle').on(table.handle),
    uniqueIndex('product_external_id').on(table.externalId),
    check('product_status', sql`${table.status} in ('draft', 'published', 'retired')`),
    check(
      'product_published',
      sql`${table.status} <> 'published' or ${table.publishedAt} is not null`,
    ),
  ],
)

export const productTranslation = pgTable(
  'product_translation',
  {
    productId: text('product_id')
      .notNull()
      .references(() => product.id, { onDelete: 'cascade' }),
    locale: text().notNull(),
    name: text().notNull(),
    description: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.productId, table.locale] })],
)

export const productCategory = pgTable(
  'product_category',
  {
    productId: text('product_id')
      .notNull()
      .references(() => product.id, { onDelete: 'cascade' }),
    categoryId: text('category_id')
      .notNull()
      .references(() => category.id),
    position: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.productId, table.categoryId] }),
    index('product_category_category').on(table.categoryId),
  ],
)

export const variant = pgTable(
  'variant',
  {
    id: text().primaryKey(),
    productId: text('product_id')
      .notNull()
      .references(() => product.id, { onDelete: 'cascade' }),
    sku: text().notNull(),
    options: jsonb().$type<Record<string, string>>().notNull(),
    position: integer().notNull(),
    /** The state shoppers are shown; follows inventory's facts. */
    availability: text().notNull().default('out_of_stock'),
  },
  (table) => [
    uniqueIndex('variant_sku').on(table.sku),
    index('variant_product').on(table.productId, table.position),
    check(
      'variant_availability',
      sql`${table.availability} in ('in_stock', 'low', 'out_of_stock', 'backorder')`,
    ),
  ],
)

export const price = pgTable(
  'price',
  {
    variantId: text('variant_id')
      .notNull()
      .references(() => variant.id, { onDelete: 'cascade' }),
    currency: text().notNull(),
    amountMinor: bigint('amount_minor', { mode: 'number' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.variantId, table.currency] }),
    check('price_amount', sql`${table.amountMinor} between 0 and 100000000000`),
  ],
)

/** Prices that differ from the base prices: for one customer group or for all, now or for a time. */
export const priceList = pgTable(
  'price_list',
  {
    id: text().primaryKey(),
    handle: text().notNull(),
    name: text().notNull(),
    /** Null: for everybody. */
    customerGroup: text('customer_group'),
    /** To the millisecond, as documents name their phases. Null: it always has begun. */
    startsAt: timestamp('starts_at', { withTimezone: true }),
    /** The first instant at which it no longer applies. Null: it never ends. */
    endsAt: timestamp('ends_at', { withTimezone: true }),
    /** Of two lists that apply, the one with the greater priority decides. */
    priority: integer().notNull().default(0),
  },
  (table) => [
    uniqueIndex('price_list_handle').on(table.handle),
    check('price_list_schedule', sql`${table.startsAt} < ${table.endsAt}`),
    check('price_list_group', sql`${table.customerGroup} <> ''`),
  ],
)

export const priceListPrice = pgTable(
  'price_list_price',
  {
    listId: text('list_id')
      .notNull()
      .references(() => priceList.id, { onDelete: 'cascade' }),
    variantId: text('variant_id')
      .notNull()
      .references(() => variant.id, { onDelete: 'cascade' }),
    currency: text().notNull(),
    amountMinor: bigint('amount_minor', { mode: 'number' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.variantId, table.currency, table.listId] }),
    index('price_list_price_list').on(table.listId, table.variantId),
    check('price_list_price_amount', sql`${table.amountMinor} between 0 and 100000000000`),
  ],
)

/**
 * Whose prices a rendered row shows, and when. A group has rows of its own for a product only where
 * its prices differ from everybody's, and then for all of time; rows follow each other without a gap.
 */
const shownTo = {
  /** `''` for everybody. */
  customerGroup: text('customer_group').notNull().default(''),
  validFrom: timestamp('valid_from', { withTimezone: true }).notNull().default(sql`'-infinity'`),
  validUntil: timestamp('valid_until', { withTimezone: true }).notNull().default(sql`'infinity'`),
}

/**
 * A published product as one market, locale and customer group read it in one phase of its prices,
 * rendered when it is written, so that a read is one index look-up. Derived: the tables above are
 * the truth, and `showProducts` rebuilds it.
 */
export const productDocument = pgTable(
  'product_document',
  {
    productId: text('product_id')
      .notNull()
      .references(() => product.id, { onDelete: 'cascade' }),
    market: text().notNull(),
    locale: text().notNull(),
    handle: text().notNull(),
    /** The response's bytes, in JSON. */
    page: text().notNull(),
    etag: text().notNull(),
    /** The product's entry in lists, in JSON. */
    card: text().notNull(),
    ...shownTo,
  },
  (table) => [
    primaryKey({
      name: 'product_document_place',
      columns: [table.productId, table.market, table.locale, table.customerGroup, table.validUntil],
    }),
    uniqueIndex('product_document_handle').on(
      table.handle,
      table.market,
      table.locale,
      table.customerGroup,
      table.validUntil,
    ),
  ],
)

/**
 * Membership of lists with the keys they sort by. The category `''` is the list of all products.
 */
export const listing = pgTable(
  'listing',
  {
    categoryId: text('category_id').notNull(),
    market: text().notNull(),
    locale: text().notNull(),
    productId: text('product_id')
      .notNull()
      .references(() => product.id, { onDelete: 'cascade' }),
    sortName: text('sort_name').notNull(),
    sortPrice: bigint('sort_price', { mode: 'number' }).notNull(),
    publishedAt: timestamp('published_at', { withTimezone: true }).notNull(),
    ...shownTo,
  },
  (table) => [
    primaryKey({
      name: 'listing_place',
      columns: [
        table.productId,
        table.categoryId,
        table.market,
        table.locale,
        table.customerGroup,
        table.validUntil,
      ],
    }),
    // With the phase in them, the indexes alone say what stands where now.
    index('listing_newest').on(
      table.categoryId,
      table.market,
      table.locale,
      table.customerGroup,
      table.publishedAt,
      table.productId,
      table.validFrom,
      table.validUntil,
    ),
    index('listing_name').on(
      table.categoryId,
      table.market,
      table.locale,
      table.customerGroup,
      table.sortName,
      table.productId,
      table.validFrom,
      table.validUntil,
    ),
    index('listing_price').on(
      table.categoryId,
      table.market,
      table.locale,
      table.customerGroup,
      table.sortPrice,
      table.productId,
      table.validFrom,
      table.validUntil,
    ),
    // Empty in a shop without schedules.
    index('listing_boundary')
      .on(table.categoryId, table.market, table.locale, table.customerGroup, table.validUntil)
      .where(sql`${table.validUntil} < 'infinity'`),
  ],
)
