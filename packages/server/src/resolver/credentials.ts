// Which credentials a request presents, in the order in which they are tried (wire contract §2.9).
import type { Presented } from '../sessions/resolve.ts'

/** `authorization` and `cookie` are the raw headers; `prefix` is the origin's cookie prefix. */
export function presentedCredentials(
  authorization: string | undefined,
  cookie: string | undefined,
  prefix: string,
): Presented[] {
  const presented: Presented[] = []
  const bearer = authorization === undefined ? undefined : bearerToken(authorization)
  if (bearer !== undefined) presented.push({ as: 'bearer', text: bearer })
  if (cookie === undefined || cookie === '') return presented
  for (const as of ['app_session', 'app_access_token', 'session'] as const)
    for (const text of cookieValues(cookie, prefix + as)) presented.push({ as, text })
  return presented
}

/** The token of a Bearer header, whatever the scheme's case; other schemes are no concern of ours. */
export function bearerToken(authorization: string): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1]
}

/** All values of a cookie: a stale twin from another domain or path must not hide the good one. At most four are read. */
function cookieValues(header: string, name: string): string[] {
  const values: string[] = []
  for (const part of header.split(';')) {
    const text = part.trim()
    if (!text.startsWith(name) || text[name.length] !== '=') continue
    const value = text.slice(name.length + 1).replace(/^"(.*)"$/, '$1')
    if (value !== '' && values.length < 4) values.push(value)
  }
  return values
}
