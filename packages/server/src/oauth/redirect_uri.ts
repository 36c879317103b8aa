// Where an answer may be sent (wire contract §3.3; RFC 9700 §2.1: exact comparison).
import type { ClientConfig } from '../config/schema.ts'
import type { Origin } from '../projects/origins.ts'

function parsed(uri: string): URL | undefined {
  return URL.canParse(uri) ? new URL(uri) : undefined
}

/** One URL parse and print, so that `https://app.example` and `https://app.example/` are the same; undefined when unparsable. */
export function normalized(uri: string): string | undefined {
  return parsed(uri)?.href
}

/** Whether the token request names the URI that the code was sent to. Browsers write an empty path as `/`. */
export function sameRedirectUri(one: string, other: string): boolean {
  return one === other || (normalized(one) !== undefined && normalized(one) === normalized(other))
}

/** Our own paths that lead on to elsewhere, or are no pages: what is sent there might end up with somebody else. */
function leadsOn(path: string): boolean {
  try {
    return /^\/+(oauth2|saml2|sso|api|_\w*)(\/|$)/i.test(decodeURIComponent(path))
  } catch {
    return true
  }
}

/**
 * Whether the client may be answered at `uri`: exactly registered, or on the project's own origins (SDKs open the
 * settings there), or on the origin of the client's own sign-in pages. A fragment is never allowed (RFC 6749 §3.1.2).
 */
export function redirectAllowed(uri: string, client: ClientConfig, origins: readonly Origin[]): boolean {
  const url = parsed(uri)
  // Parsers drop tabs and line ends, headers do not carry them: what is compared must be what is sent.
  if (
    url === undefined ||
    !/^[\x21-\x7e]+$/.test(uri) ||
    uri.includes('#') ||
    url.username !== '' ||
    url.password !== ''
  )
    return false
  if (client.redirect_uris.some((registered) => normalized(registered) === url.href)) return true
  if (client.x_application_type === 'third_party_app') return false
  // Every scheme but the web's has the one origin `null`.
  if (url.origin === 'null') return false
  if (origins.some((origin) => origin.origin === url.origin)) return !leadsOn(url.pathname)
  return client.x_custom_ui_uri !== undefined && parsed(client.x_custom_ui_uri)?.origin === url.origin
}

/**
 * Where to answer: the URI asked for, or the client's only one when none was asked for (RFC 6749 §3.1.2.3).
 * Undefined refuses, and then there is no redirect at all.
 */
export function chooseRedirectUri(
  asked: string | undefined,
  client: ClientConfig,
  origins: readonly Origin[],
): string | undefined {
  if (asked === undefined || asked === '')
    return client.redirect_uris.length === 1 ? normalized(client.redirect_uris[0] ?? '') : undefined
  return redirectAllowed(asked, client, origins) ? asked : undefined
}

/** Where a pre-authenticated URL may lead besides: any page of an origin that the client lists. */
export function preAuthenticatedUri(asked: string | undefined, client: ClientConfig): string | undefined {
  const url = asked === undefined || !/^[\x21-\x7e]+$/.test(asked) ? undefined : parsed(asked)
  if (url === undefined || url.origin === 'null' || url.hash !== '' || url.username !== '' || url.password !== '')
    return undefined
  return client.x_pre_authenticated_url_allowed_origins.includes(url.origin) ? url.href : undefined
}

/** Whether logout may lead there: exactly registered with this client, or with any client when none is named. */
export function postLogoutAllowed(uri: string, clients: Iterable<ClientConfig>): boolean {
  const wanted = normalized(uri)
  if (wanted === undefined) return false
  for (const client of clients)
    if (client.post_logout_redirect_uris.some((registered) => registered === uri || normalized(registered) === wanted))
      return true
  return false
}

/** Whether an address is on an origin that a first party's client has registered, or is itself registered. */
export function isOfApp(clients: readonly ClientConfig[], asked: string): boolean {
  if (!URL.canParse(asked)) return false
  const { origin, protocol, username, password } = new URL(asked)
  const web = (protocol === 'https:' || protocol === 'http:') && username === '' && password === ''
  return clients.some(({ x_application_type, redirect_uris = [] }) => {
    if (x_application_type === 'third_party_app' || !web) return redirect_uris.includes(asked)
    return redirect_uris.some((uri) => URL.canParse(uri) && new URL(uri).origin === origin)
  })
}
