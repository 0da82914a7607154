/** Our rules for access tokens, as far as jose knows them: a second opinion for tests, and the floor of the bench. */
import {
  ACCESS_TOKEN_ALGORITHMS,
  ACCESS_TOKEN_AUDIENCE,
  ACCESS_TOKEN_SECONDS_MAX,
  ACCESS_TOKEN_SKEW_SECONDS,
  ACCESS_TOKEN_TYPE,
  issuerOf,
} from '../../shared/principal.ts'

/** The options of jose's `jwtVerify`. @param cell whose key is tried. */
export function accessTokenRules(cell: string, now: Date) {
  return {
    algorithms: [...ACCESS_TOKEN_ALGORITHMS],
    issuer: issuerOf(cell),
    audience: ACCESS_TOKEN_AUDIENCE,
    typ: ACCESS_TOKEN_TYPE,
    clockTolerance: ACCESS_TOKEN_SKEW_SECONDS,
    maxTokenAge: ACCESS_TOKEN_SECONDS_MAX,
    requiredClaims: ['sub', 'sid', 'position', 'exp', 'iat'],
    currentDate: now,
  }
}
