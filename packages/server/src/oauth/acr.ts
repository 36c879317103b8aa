// Authentication context classes: what a sign-in amounts to (OpenID Core §2 `acr`, §5.5.1.1). Rules only.
import type { OAuthRequest } from './request.ts'

/** Two factors; the name that PAPE gave it and that federations still use. */
const multiFactor = 'http://schemas.openid.net/pape/policies/2007/06/multi-factor'

/** Strongest first. */
export const acrSupported = [multiFactor, '1'] as const

function classesOf(amr: readonly string[]): string[] {
  return [...(amr.includes('mfa') ? [multiFactor] : []), '1']
}

type Wanted = { values: string[]; essential: boolean }

/** What the request asks for: `claims.id_token.acr` first, then `acr_values`. */
export function acrWanted(request: Pick<OAuthRequest, 'acrValues' | 'claims'>): Wanted | undefined {
  const named = request.claims?.id_token?.acr as
    | { essential?: unknown; value?: unknown; values?: unknown }
    | null
    | undefined
  if (named !== undefined) {
    const values = Array.isArray(named?.values) ? named.values : [named?.value]
    const texts = values.filter((value) => typeof value === 'string')
    return { values: texts, essential: named?.essential === true && texts.length > 0 }
  }
  return request.acrValues === undefined ? undefined : { values: request.acrValues, essential: false }
}

/** The `acr` of a sign-in by these means: the first of the wanted ones that it reaches, else the strongest it reached. */
export function acrOf(amr: readonly string[], wanted: readonly string[]): string | undefined {
  const reached = classesOf(amr)
  return wanted.find((value) => reached.includes(value)) ?? reached[0]
}
