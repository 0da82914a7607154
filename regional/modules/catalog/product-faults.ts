/**
 * What the schema of a product cannot say: how its variants, options and categories must fit
 * together.
 */
import type { CreateProduct } from '../../../shared/contracts/catalog.ts'
import { type FieldError, Problem } from '../../../shared/problems.ts'

type Fitting = Pick<CreateProduct, 'categories' | 'options' | 'variants'>

/** Each field at fault; none when the product is sound. */
export function productFaults(product: Fitting): FieldError[] {
  return [
    ...repeated(product.categories, (index) => `/categories/${index}`),
    ...repeated(
      product.options.map((option) => option.name),
      (index) => `/options/${index}/name`,
    ),
    ...product.options.flatMap((option, index) =>
      repeated(option.values, (value) => `/options/${index}/values/${value}`),
    ),
    ...variantFaults(product),
  ]
}

/** @throws {Problem} `request.invalid`, naming each field at fault. */
export function assertSound(product: Fitting): void {
  const errors = productFaults(product)
  if (errors.length > 0) throw new Problem('request.invalid', { errors: errors.slice(0, 50) })
}

/** Whether it has what shoppers must be told: at least one variant with at least one price. */
export function isPublishable(product: { variants: readonly { prices: object }[] }): boolean {
  return product.variants.some((variant) => Object.keys(variant.prices).length > 0)
}

function variantFaults({ options, variants }: Fitting): FieldError[] {
  const combinations = variants.map((variant) =>
    JSON.stringify(options.map((option) => variant.options[option.name])),
  )
  return [
    ...repeated(
      variants.map((variant) => variant.sku),
      (index) => `/variants/${index}/sku`,
    ),
    ...variants.flatMap((variant, index) => optionFaults(variant.options, options, index)),
    ...repeated(combinations, (index) => `/variants/${index}/options`),
  ]
}

function optionFaults(
  chosen: Record<string, string>,
  options: Fitting['options'],
  variant: number,
): FieldError[] {
  const pointer = `/variants/${variant}/options`
  const known = new Set(options.map((option) => option.name))
  const unknown = Object.keys(chosen).filter((name) => !known.has(name))
  const unlisted = options.filter(({ name, values }) => !values.includes(chosen[name] ?? ''))
  return [
    ...unknown.map((name) => fault(pointer, `the product has no option ${name}`)),
    ...unlisted.map(({ name }) => fault(pointer, `must have one of the listed values of ${name}`)),
  ]
}

function repeated(values: readonly string[], pointerOf: (index: number) => string): FieldError[] {
  return values.flatMap((value, index) =>
    values.indexOf(value) < index ? [fault(pointerOf(index), 'is there already')] : [],
  )
}

function fault(pointer: string, detail: string): FieldError {
  return { in: 'body', pointer, detail }
}
