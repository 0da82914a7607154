/** Step 3: country → market → locale, and the cell that owns what is asked for. */
import type { EndpointFacts } from '../../shared/contracts/facts.ts'
import { cellOfId } from '../../shared/ids.ts'
import type { Principal } from '../../shared/principal.ts'
import type { Cell, EdgeConfig } from '../config.ts'

/** What the edge needs to know of a market. */
export interface MarketFacts {
  readonly id: string
  readonly countries: readonly string[]
  readonly locales: readonly string[]
  readonly isDefault: boolean
}

export interface Place {
  readonly country: string | null
  readonly market: string | null
  readonly locale: string | null
}

/** What a request says of where it should be placed. */
export interface Wishes {
  readonly country: string | null
  readonly market: string | null
  readonly locale: string | null
  readonly acceptLanguage: string | null
}

export function wishesOf(request: Request, query: URLSearchParams): Wishes {
  return {
    country: countryOf(request),
    market: query.get('market'),
    locale: query.get('locale'),
    acceptLanguage: request.headers.get('accept-language'),
  }
}

type SeenByCloudflare = Request & { readonly cf?: { readonly country?: string | null } }

/** Where Cloudflare saw the request come from. The first look parses all that it says of a request. */
export function countryOf(request: Request): string | null {
  return (request as SeenByCloudflare).cf?.country ?? null
}

/** The query alone: parsing the whole address costs more than the rest of a hit's bookkeeping. */
export function queryOf(url: string): URLSearchParams {
  const mark = url.indexOf('?')
  return new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1))
}

/**
 * Chooses market and locale: what the request names wins, then the country's market and the best of its locales that
 * the shopper's languages ask for. A named market that is unknown is passed on, for the cell to refuse.
 */
export function placeOf(wishes: Wishes, markets: readonly MarketFacts[]): Place {
  const { country } = wishes
  const byCountry = markets.find((each) => country !== null && each.countries.includes(country))
  const byDefault = byCountry ?? markets.find((each) => each.isDefault)
  const market =
    wishes.market === null ? byDefault : markets.find((each) => each.id === wishes.market)
  const locale = wishes.locale ?? preferredLocale(wishes.acceptLanguage, market?.locales ?? [])
  return { country, market: wishes.market ?? market?.id ?? null, locale }
}

const LANGUAGES_MAX = 20

/** The first offered locale that the languages name, in their order of preference (RFC 9110 §12.5.4); else the default. */
export function preferredLocale(
  acceptLanguage: string | null,
  offered: readonly string[],
): string | null {
  const fallback = offered[0] ?? null
  if (acceptLanguage === null || offered.length < 2) return fallback
  const wanted = acceptLanguage
    .slice(0, 512)
    .split(',', LANGUAGES_MAX)
    .map((part) => {
      const [tag = '', ...parameters] = part.trim().split(';')
      const q = parameters.map((each) => /^\s*q=([\d.]{1,5})\s*$/.exec(each)?.[1]).find(Boolean)
      return { tag: tag.toLowerCase(), q: q === undefined ? 1 : Number(q) }
    })
    .filter(({ q }) => q > 0)
    .sort((one, other) => other.q - one.q)
  for (const { tag } of wanted) {
    const exact = offered.find((locale) => locale.toLowerCase() === tag)
    const sameLanguage = offered.find((locale) => languageOf(locale) === languageOf(tag))
    if (exact ?? sameLanguage) return exact ?? sameLanguage ?? null
  }
  return fallback
}

function languageOf(tag: string): string {
  return tag.split('-', 1)[0]!.toLowerCase()
}

/**
 * The cell of a request: the one an id in the path names, then the caller's home, then the default.
 *
 * An id of a cell that does not exist goes to the default cell, which knows nothing by it.
 */
export function cellFor(
  config: EdgeConfig,
  facts: EndpointFacts,
  request: { params: Readonly<Record<string, string>>; principal: Principal },
): Cell {
  const { params, principal } = request
  if (facts.serve.kind === 'cached') return config.defaultCell
  for (const id of Object.values(params)) {
    const named = cellOfId(id)
    if (named !== null) return config.cells.get(named) ?? config.defaultCell
  }
  const home = principal.kind === 'guest' ? undefined : config.cells.get(principal.cell)
  return home ?? config.defaultCell
}
