/** The routing facts of every contract, written by `npm run generate`. */
import type { EndpointFacts } from './facts.ts'

export const facts: readonly EndpointFacts[] = [
  {"id":"catalog.createCategory","method":"post","path":"/v1/staff/categories","access":"staff:catalogue:write","serve":{"kind":"forward","creates":true,"bodyBytesMax":65536},"status":201,"query":[]},
  {"id":"catalog.createProduct","method":"post","path":"/v1/staff/products","access":"staff:catalogue:write","serve":{"kind":"forward","creates":true,"bodyBytesMax":524288},"status":201,"query":[]},
  {"id":"catalog.getProduct","method":"get","path":"/v1/products/{handle}","access":"public","serve":{"kind":"cached","vary":["market","locale"],"staleIfErrorSeconds":86400},"status":200,"query":["locale","market"]},
  {"id":"catalog.getStaffProduct","method":"get","path":"/v1/staff/products/{productId}","access":"staff:catalogue:read","serve":{"kind":"forward","creates":false,"bodyBytesMax":65536},"status":200,"query":[]},
  {"id":"catalog.importProducts","method":"put","path":"/v1/staff/products","access":"staff:catalogue:write","serve":{"kind":"forward","creates":false,"bodyBytesMax":4194304},"status":200,"query":[]},
  {"id":"catalog.listCategories","method":"get","path":"/v1/categories","access":"public","serve":{"kind":"cached","vary":["market","locale"],"staleIfErrorSeconds":86400},"status":200,"query":["locale","market"]},
  {"id":"catalog.listMarkets","method":"get","path":"/v1/markets","access":"public","serve":{"kind":"cached","vary":[],"staleIfErrorSeconds":86400},"status":200,"query":[]},
  {"id":"catalog.listProducts","method":"get","path":"/v1/products","access":"public","serve":{"kind":"cached","vary":["market","locale"],"staleIfErrorSeconds":86400},"status":200,"query":["after","category","limit","locale","market","sort"]},
  {"id":"catalog.publishProduct","method":"post","path":"/v1/staff/products/{productId}/publish","access":"staff:catalogue:write","serve":{"kind":"forward","creates":false,"bodyBytesMax":65536},"status":200,"query":[]},
  {"id":"catalog.retireProduct","method":"post","path":"/v1/staff/products/{productId}/retire","access":"staff:catalogue:write","serve":{"kind":"forward","creates":false,"bodyBytesMax":65536},"status":200,"query":[]},
  {"id":"catalog.setPrices","method":"put","path":"/v1/staff/variants/{sku}/prices","access":"staff:catalogue:write","serve":{"kind":"forward","creates":false,"bodyBytesMax":65536},"status":200,"query":[]},
  {"id":"catalog.updateCategory","method":"patch","path":"/v1/staff/categories/{categoryId}","access":"staff:catalogue:write","serve":{"kind":"forward","creates":false,"bodyBytesMax":65536},"status":200,"query":[]},
  {"id":"catalog.updateProduct","method":"patch","path":"/v1/staff/products/{productId}","access":"staff:catalogue:write","serve":{"kind":"forward","creates":false,"bodyBytesMax":524288},"status":200,"query":[]},
  {"id":"inventory.getStock","method":"get","path":"/v1/staff/stock/{sku}","access":"staff:inventory:read","serve":{"kind":"forward","creates":false,"bodyBytesMax":65536},"status":200,"query":[]},
  {"id":"inventory.setStock","method":"put","path":"/v1/staff/stock/{sku}","access":"staff:inventory:write","serve":{"kind":"forward","creates":false,"bodyBytesMax":65536},"status":200,"query":[]},
  {"id":"carts.addLines","method":"post","path":"/v1/carts/{cartId}/lines","access":"holder","serve":{"kind":"forward","creates":true,"bodyBytesMax":65536},"status":200,"query":[]},
  {"id":"carts.changeLines","method":"patch","path":"/v1/carts/{cartId}/lines","access":"holder","serve":{"kind":"forward","creates":false,"bodyBytesMax":65536},"status":200,"query":[]},
  {"id":"carts.createCart","method":"post","path":"/v1/carts","access":"public","serve":{"kind":"forward","creates":true,"bodyBytesMax":65536},"status":201,"query":[]},
  {"id":"carts.getCart","method":"get","path":"/v1/carts/{cartId}","access":"holder","serve":{"kind":"forward","creates":false,"bodyBytesMax":65536},"status":200,"query":[]},
  {"id":"orders.getOrder","method":"get","path":"/v1/orders/{orderId}","access":"holder","serve":{"kind":"forward","creates":false,"bodyBytesMax":65536},"status":200,"query":[]},
  {"id":"orders.placeOrder","method":"post","path":"/v1/carts/{cartId}/order","access":"holder","serve":{"kind":"forward","creates":true,"bodyBytesMax":65536},"status":201,"query":[]},
]
