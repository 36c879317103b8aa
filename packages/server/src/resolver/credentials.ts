// Which credentials a request presents, in the order in which they are tried (wire contract §2.9).
import type { Presented } from '../sessions/resolve.ts'

/**
 * `authorization` and `cookie` are the raw headers; `prefix` is the origin's cookie prefix; `keyOf` gives the key that a
 * DPoP proof of this request over the access token has proved.
 */
export function presentedCredentials(
  authorization: string | undefined,
  cookie: string | undefined,
  prefix: string,
  keyOf: (token: string) => string | undefined = () => undefined,
): Presented[] {
  const presented: Presented[] = []
  const token = authorization === undefined ? undefined : accessToken(authorization)
  if (token?.scheme === 'bearer') presented.push({ as: 'bearer', text: token.text })
  if (token?.scheme === 'dpop') presented.push({ as: 'dpop', text: token.text, jkt: keyOf(token.text) })
  if (cookie === undefined || cookie === '') return presented
  for (const as of ['app_session', 'app_access_token', 'session'] as const)
    for (const text of cookieValues(cookie, prefix + as)) presented.push({ as, text })
  return presented
}

/** The token of a Bearer or DPoP header, whatever the scheme's case; other schemes are no concern of ours. */
export function accessToken(authorization: string): { scheme: 'bearer' | 'dpop'; text: string } | undefined {
  const [, scheme = '', text] = /^(bearer|dpop) +(\S+) *$/i.exec(authorization) ?? []
  return text === undefined ? undefined : { scheme: scheme.toLowerCase() as 'bearer' | 'dpop', text }
}

export function bearerToken(authorization: string): string | undefined {
  const token = accessToken(authorization)
  return token?.scheme === 'bearer' ? token.text : undefined
}

/** All values of a cookie: a stale twin from another domain or path must not hide the good one. At most eight are read. */
function cookieValues(header: string, name: string): string[] {
  const values: string[] = []
  const begin = `${name}=`
  for (let at = header.indexOf(begin); at !== -1; at = header.indexOf(begin, at + 1)) {
    let before = at - 1
    while (header[before] === ' ' || header[before] === '\t') before -= 1
    if (before >= 0 && header[before] !== ';') continue // the end of a longer name, or part of a value
    const end = header.indexOf(';', at)
    const text = header.slice(at + begin.length, end === -1 ? undefined : end).trimEnd()
    const value = text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text
    if (value !== '' && values.length < 8) values.push(value)
  }
  return values
}
