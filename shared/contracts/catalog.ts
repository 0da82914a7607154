/** The catalogue: what shoppers read from a cache, and what staff write. */
import { z } from 'zod'
import {
  Attributes,
  AttributeValue,
  ListLimit,
  Media,
  OptionName,
  OptionValue,
  Prices,
  Translations,
} from './catalog-fields.ts'
import { cached, endpoint, forward } from './endpoint.ts'
import {
  AmountMinor,
  Availability,
  CategoryId,
  Country,
  CurrencyCode,
  Handle,
  Locale,
  Localised,
  MarketId,
  Money,
  ProductId,
  Sku,
  text,
} from './fields.ts'

const VARIANTS_MAX = 250
const OPTIONS_MAX = 5
const MEDIA_MAX = 50
const CATEGORIES_OF_PRODUCT_MAX = 20
export const IMPORT_ROWS_MAX = 100
const IMPORT_BYTES_MAX = 4_194_304
const PRODUCT_BYTES_MAX = 524_288
const DAY_SECONDS = 86_400

// What shoppers read.

export const Market = z.object({
  id: MarketId,
  name: z.string(),
  countries: z.array(Country),
  currency: CurrencyCode,
  locales: z.array(Locale).describe('The first is the default'),
  pricesIncludeTax: z.boolean(),
  taxBasisPoints: z.int().describe('Hundredths of a percent: 1900 is 19 %'),
  isDefault: z.boolean().describe('Serves the countries that no market names'),
})
export type Market = z.infer<typeof Market>

export const Category = z.object({
  id: CategoryId,
  handle: Handle,
  name: z.string(),
  parentHandle: Handle.nullable(),
  position: z.int(),
})
export type Category = z.infer<typeof Category>

export const Variant = z.object({
  sku: Sku,
  options: z.record(z.string(), z.string()),
  price: Money,
  availability: Availability,
})

export const ProductCard = z.object({
  id: ProductId,
  handle: Handle,
  name: z.string(),
  brand: z.string().nullable(),
  image: Media.nullable(),
  priceFrom: Money,
  availability: Availability,
})
export type ProductCard = z.infer<typeof ProductCard>

export const Product = z.object({
  id: ProductId,
  handle: Handle,
  market: MarketId,
  locale: Locale,
  name: z.string(),
  description: z.string(),
  brand: z.string().nullable(),
  categories: z.array(z.object({ handle: Handle, name: z.string() })),
  options: z.array(z.object({ name: z.string(), values: z.array(z.string()) })),
  attributes: z.record(z.string(), AttributeValue),
  media: z.array(Media),
  variants: z.array(Variant),
  pricesIncludeTax: z.boolean(),
})
export type Product = z.infer<typeof Product>

export const ProductSort = z.enum(['newest', 'name', 'price', '-price'])
export type ProductSort = z.infer<typeof ProductSort>

export const ProductPage = z.object({
  items: z.array(ProductCard),
  next: z.string().nullable().describe('Pass it as `after` for the page that follows'),
})
export type ProductPage = z.infer<typeof ProductPage>

export const listMarkets = endpoint({
  method: 'get',
  path: '/v1/markets',
  summary: 'The markets: countries that share currency, tax display and languages',
  access: 'public',
  serve: cached({ vary: [], staleIfErrorSeconds: DAY_SECONDS }),
  request: {},
  response: z.object({ items: z.array(Market) }),
  problems: [],
})

export const listCategories = endpoint({
  method: 'get',
  path: '/v1/categories',
  summary: 'All categories, parents before children',
  access: 'public',
  serve: cached({ vary: ['market', 'locale'], staleIfErrorSeconds: DAY_SECONDS }),
  request: { query: z.strictObject(Localised) },
  response: z.object({ items: z.array(Category) }),
  problems: ['market.unknown', 'locale.unknown'],
})

export const listProducts = endpoint({
  method: 'get',
  path: '/v1/products',
  summary: 'A page of published products, of one category or of all',
  access: 'public',
  serve: cached({ vary: ['market', 'locale', 'group'], staleIfErrorSeconds: DAY_SECONDS }),
  request: {
    query: z.strictObject({
      ...Localised,
      category: Handle.optional(),
      sort: ProductSort.default('newest'),
      limit: ListLimit,
      after: z
        .string()
        .max(512)
        .regex(/^[A-Za-z0-9_-]+$/)
        .optional(),
    }),
  },
  response: ProductPage,
  problems: ['market.unknown', 'locale.unknown', 'category.unknown'],
})

export const getProduct = endpoint({
  method: 'get',
  path: '/v1/products/{handle}',
  summary: 'One published product, with its variants, prices and availability',
  access: 'public',
  serve: cached({ vary: ['market', 'locale', 'group'], staleIfErrorSeconds: DAY_SECONDS }),
  request: { params: z.strictObject({ handle: Handle }), query: z.strictObject(Localised) },
  response: Product,
  problems: ['market.unknown', 'locale.unknown', 'product.unknown'],
})

// What staff read and write.

export const ProductStatus = z.enum(['draft', 'published', 'retired'])
export type ProductStatus = z.infer<typeof ProductStatus>

export const VariantInput = z.strictObject({
  sku: Sku,
  options: z.record(OptionName, OptionValue).default({}),
  prices: Prices.default({}),
  available: z.int().min(0).max(10_000_000).optional().describe('Opening stock of a new variant'),
})

const OptionInput = z.strictObject({
  name: OptionName,
  values: z.array(OptionValue).min(1).max(100),
})

const productFields = {
  brand: text(200).nullable(),
  translations: Translations,
  categories: z.array(Handle).max(CATEGORIES_OF_PRODUCT_MAX),
  options: z.array(OptionInput).max(OPTIONS_MAX),
  attributes: Attributes,
  media: z.array(Media).max(MEDIA_MAX),
  variants: z.array(VariantInput).min(1).max(VARIANTS_MAX),
}

export const CreateProduct = z.strictObject({
  handle: Handle,
  ...productFields,
  brand: productFields.brand.default(null),
  categories: productFields.categories.default([]),
  options: productFields.options.default([]),
  attributes: productFields.attributes.default({}),
  media: productFields.media.default([]),
})
export type CreateProduct = z.infer<typeof CreateProduct>

/** Fields left out stay as they are; `variants` and `categories` replace what was there. */
export const UpdateProduct = z
  .strictObject({ handle: Handle, ...productFields })
  .partial()
  .refine((patch) => Object.keys(patch).length > 0, 'at least one field')
export type UpdateProduct = z.infer<typeof UpdateProduct>

export const StaffProduct = z.object({
  id: ProductId,
  externalId: z.string().nullable(),
  handle: Handle,
  status: ProductStatus,
  brand: z.string().nullable(),
  translations: z.record(z.string(), z.object({ name: z.string(), description: z.string() })),
  categories: z.array(Handle),
  options: z.array(z.object({ name: z.string(), values: z.array(z.string()) })),
  attributes: z.record(z.string(), AttributeValue),
  media: z.array(Media),
  variants: z.array(
    z.object({
      sku: Sku,
      options: z.record(z.string(), z.string()),
      prices: z.partialRecord(CurrencyCode, AmountMinor),
    }),
  ),
})
export type StaffProduct = z.infer<typeof StaffProduct>

const productParams = z.strictObject({ productId: ProductId })
const write = 'staff:catalogue:write'

export const createProduct = endpoint({
  method: 'post',
  path: '/v1/staff/products',
  summary: 'Creates a product as a draft',
  access: write,
  serve: forward({ creates: true, bodyBytesMax: PRODUCT_BYTES_MAX }),
  status: 201,
  request: { body: CreateProduct },
  response: StaffProduct,
  problems: ['product.handle_taken', 'variant.sku_taken', 'category.unknown'],
})

export const getStaffProduct = endpoint({
  method: 'get',
  path: '/v1/staff/products/{productId}',
  summary: 'One product as staff edit it, whatever its status',
  access: 'staff:catalogue:read',
  serve: forward(),
  request: { params: productParams },
  response: StaffProduct,
  problems: ['product.unknown'],
})

export const updateProduct = endpoint({
  method: 'patch',
  path: '/v1/staff/products/{productId}',
  summary: 'Changes the named fields of a product',
  access: write,
  serve: forward({ bodyBytesMax: PRODUCT_BYTES_MAX }),
  request: { params: productParams, body: UpdateProduct },
  response: StaffProduct,
  problems: [
    'product.unknown',
    'product.handle_taken',
    'product.not_publishable',
    'variant.sku_taken',
    'category.unknown',
  ],
})

export const publishProduct = endpoint({
  method: 'post',
  path: '/v1/staff/products/{productId}/publish',
  summary: 'Shows a product to shoppers; repeating it changes nothing',
  access: write,
  serve: forward(),
  request: { params: productParams },
  response: StaffProduct,
  problems: ['product.unknown', 'product.not_publishable'],
})

export const retireProduct = endpoint({
  method: 'post',
  path: '/v1/staff/products/{productId}/retire',
  summary: 'Takes a product out of sale; it may be published again',
  access: write,
  serve: forward(),
  request: { params: productParams },
  response: StaffProduct,
  problems: ['product.unknown', 'product.state_conflict'],
})

export const setPrices = endpoint({
  method: 'put',
  path: '/v1/staff/variants/{sku}/prices',
  summary: 'Sets the prices of a variant, in the currencies named',
  access: write,
  serve: forward(),
  request: {
    params: z.strictObject({ sku: Sku }),
    body: z.strictObject({
      prices: Prices.refine((all) => Object.keys(all).length > 0, 'at least one price'),
    }),
  },
  response: StaffProduct,
  problems: ['variant.unknown'],
})

const categoryFields = {
  position: z.int().min(0).max(1_000_000),
  translations: z
    .record(Locale, z.strictObject({ name: text(200) }))
    .refine((all) => Object.keys(all).length >= 1, 'at least one translation'),
}

export const CreateCategory = z.strictObject({
  handle: Handle,
  parentHandle: Handle.nullable().default(null),
  ...categoryFields,
  position: categoryFields.position.default(0),
})
export type CreateCategory = z.infer<typeof CreateCategory>

/** Fields left out stay as they are; `translations` replace what was there. */
export const UpdateCategory = z
  .strictObject(categoryFields)
  .partial()
  .refine((patch) => Object.keys(patch).length > 0, 'at least one field')
export type UpdateCategory = z.infer<typeof UpdateCategory>

export const StaffCategory = z.object({
  id: CategoryId,
  handle: Handle,
  parentHandle: Handle.nullable(),
  position: z.int(),
  translations: z.record(z.string(), z.object({ name: z.string() })),
})
export type StaffCategory = z.infer<typeof StaffCategory>

export const createCategory = endpoint({
  method: 'post',
  path: '/v1/staff/categories',
  summary: 'Creates a category',
  access: write,
  serve: forward({ creates: true }),
  status: 201,
  request: { body: CreateCategory },
  response: StaffCategory,
  problems: ['category.handle_taken', 'category.unknown'],
})

export const updateCategory = endpoint({
  method: 'patch',
  path: '/v1/staff/categories/{categoryId}',
  summary: 'Changes a category’s names or position; its handle and parent stay',
  access: write,
  serve: forward(),
  request: {
    params: z.strictObject({ categoryId: CategoryId }),
    body: UpdateCategory,
  },
  response: StaffCategory,
  problems: ['category.unknown'],
})

export const ImportRow = CreateProduct.extend({ externalId: text(128) })
export type ImportRow = z.infer<typeof ImportRow>

export const importProducts = endpoint({
  method: 'put',
  path: '/v1/staff/products',
  summary:
    'Creates or replaces a batch of published products by external id; a bad row is named, the rest lands',
  access: write,
  serve: forward({ bodyBytesMax: IMPORT_BYTES_MAX }),
  request: {
    body: z.strictObject({
      // Each row is validated on its own, so that a bad one does not refuse the batch.
      rows: z
        .array(z.unknown().meta({ $ref: '#/components/schemas/ImportRow' }))
        .min(1)
        .max(IMPORT_ROWS_MAX),
    }),
  },
  response: z.object({
    loaded: z.int(),
    rejected: z.array(z.object({ index: z.int(), reason: z.string() })),
  }),
  problems: [],
})
