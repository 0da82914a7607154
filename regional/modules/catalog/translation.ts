/**
 * Translation fallback, once for what is rendered and once for what SQL picks; the two must agree.
 */
import { type SQL, sql } from 'drizzle-orm'

/**
 * Picks the text a reader of `locale` sees: the locale's own, its language's, the market's default
 * locale's, English, and then whatever comes first by name.
 *
 * @returns undefined only when there are no translations.
 */
export function translated<T>(
  translations: Readonly<Record<string, T>>,
  options: { locale: string; defaultLocale: string },
): T | undefined {
  const { locale, defaultLocale } = options
  const order = [locale, locale.split('-')[0]!, defaultLocale, 'en']
  const found = order.find((candidate) => Object.hasOwn(translations, candidate))
  return translations[found ?? Object.keys(translations).sort()[0] ?? '']
}

/** The same order as an SQL `order by`, best first. Arguments are SQL expressions of type text. */
export function translationOrder(options: { of: SQL; locale: SQL; defaultLocale: SQL }): SQL {
  const { of, locale, defaultLocale } = options
  return sql`case ${of}
    when ${locale} then 0 when split_part(${locale}, '-', 1) then 1
    when ${defaultLocale} then 2 when 'en' then 3 else 4 end, ${of}`
}
