/** What a cell must know for the tokens of `accessToken` to be good. */
import pg from 'pg'
import { TEST_SESSION, tokenKey } from './keys.ts'

/** Gives a database this run's key, and the session that its tokens belong to. Safe to repeat. */
export async function knowTestTokens(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(
      `insert into signing_key (kid, public_jwk, sealed_private, signs_from)
        values ($1, $2, $3, now() - interval '1 hour') on conflict do nothing`,
      [tokenKey.kid, JSON.stringify(tokenKey.publicJwk), tokenKey.sealedPrivate],
    )
    await client.query(
      `insert into session (id, account_id, idle_seconds, expires_at, ends_at)
        values ($1, 'test', 0, 'infinity', 'infinity') on conflict do nothing`,
      [TEST_SESSION],
    )
  } finally {
    await client.end()
  }
}
