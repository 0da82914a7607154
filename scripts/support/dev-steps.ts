/** What a developer is told when the system is ready: where it is, and one call for each step of the path. */
import { styleText } from 'node:util'

interface Ready {
  edgeUrl: string
  cellUrl: string
  seconds: number
  /** Whether `npm run sign-in` knows an owner of this system. */
  hasOwner: boolean
}

interface Shown {
  handle: string
  sku: string
}

export async function printSteps({ edgeUrl, cellUrl, seconds, hasOwner }: Ready): Promise<void> {
  const { handle, sku } = await firstProduct(edgeUrl)
  console.log(`
${styleText(['bold', 'green'], `Ready in ${seconds.toFixed(1)} s.`)}

  edge    ${edgeUrl}
  cell    ${cellUrl}
  docs    ${edgeUrl}/docs
  mail    ${edgeUrl}/dev/mailbox
  health  ${edgeUrl}/health/edge
${hasOwner ? '' : OWNER_UNKNOWN}
Paste these in order, in one shell, in this folder:

# 1 list products, twice: the second answer is a hit
curl -siw '\\n' '${edgeUrl}/v1/products?market=de&limit=3' '${edgeUrl}/v1/products?market=de&limit=3'

# 2 open one
curl -siw '\\n' '${edgeUrl}/v1/products/${handle}?market=de'

# 3 open a cart
CART=$(curl -s '${edgeUrl}/v1/carts' -H 'content-type: application/json' -H "idempotency-key: cart-$(date +%s)-$RANDOM-key" \\
  -d '{"market":"de","lines":[{"sku":"${sku}","quantity":1}]}'); echo "$CART"

# 4 place the order
curl -siw '\\n' "${edgeUrl}/v1/carts/$(echo "$CART" | sed -E 's/.*"id":"(cart_[^"]+)".*/\\1/')/order" -H 'content-type: application/json' \\
  -H "idempotency-key: order-$(date +%s)-$RANDOM-key" -H "tradewind-cart-secret: $(echo "$CART" | sed -E 's/.*"secret":"([^"]+)".*/\\1/')" \\
  -d '{"expectedTotalMinor":'$(echo "$CART" | sed -E 's/.*"totals":\\{[^}]*"totalMinor":([0-9]+).*/\\1/')',"paymentMethod":"test_accept","email":"ada@example.com","shippingAddress":{"name":"Ada","line1":"Hauptstr. 1","city":"Berlin","postalCode":"10115","country":"DE"}}'

# 5 change a price as staff, and keep the position of the change
POSITION=$(curl -si -X PUT '${edgeUrl}/v1/staff/variants/${sku}/prices' -H 'content-type: application/json' \\
  -H "authorization: Bearer $(npm run -s sign-in)" -d '{"prices":{"EUR":4321}}' | tr -d '\\r' \\
  | sed -n 's/^tradewind-position: //p'); echo "$POSITION"

# 6 the very next read with that position shows the new price
curl -siw '\\n' '${edgeUrl}/v1/products/${handle}?market=de' -H "tradewind-position: $POSITION"

Ctrl-C stops everything. \`npm run demo\` walks the whole path.
`)
}

const OWNER_UNKNOWN = `
The database has an owner, whose password is not in this folder: step 5 and the demo need a token of theirs, which
\`npm run -s sign-in -- --email ADDRESS\` prints, or of another, whom \`npm run owner -- --another\` makes.
`

/** The first product of the German market that can be bought. */
async function firstProduct(edgeUrl: string): Promise<Shown> {
  const list = await getJson<{ items: { handle: string; availability: string }[] }>(
    `${edgeUrl}/v1/products?market=de&limit=20`,
  )
  const card = list.items.find(({ availability }) => availability === 'in_stock') ?? list.items[0]
  if (card === undefined) throw new Error('The catalogue is empty')
  const product = await getJson<{ variants: { sku: string; availability: string }[] }>(
    `${edgeUrl}/v1/products/${card.handle}?market=de`,
  )
  const { variants } = product
  const variant = variants.find(({ availability }) => availability === 'in_stock') ?? variants[0]!
  return { handle: card.handle, sku: variant.sku }
}

async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return (await response.json()) as T
}
