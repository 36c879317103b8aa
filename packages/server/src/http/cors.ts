// Credentialed CORS for the origins that a project knows (wire contract §4.5).
import type { MiddlewareHandler } from 'hono'
import type { Config } from '../config/schema.ts'
import type { Env } from './context.ts'

/** Whether a browser page of this origin may call with credentials. `*` in a pattern stands for one or more labels. */
export function originAllowed(origin: string, config: Config, requestHost: string): boolean {
  if (originOf(origin) !== origin) return false
  const url = new URL(origin)
  if (url.host === requestHost) return true
  if ((config.http.allowed_origins ?? []).some((pattern) => matches(pattern, url))) return true
  return config.oauth.clients.some((client) =>
    [
      ...(client.redirect_uris ?? []),
      client.x_custom_ui_uri,
      ...(client.x_pre_authenticated_url_allowed_origins ?? []),
    ].some((uri) => uri !== undefined && originOf(uri) === origin),
  )
}

/** As browsers write it in `Origin`. A native app's web view has a scheme of its own, which `URL` takes for opaque. */
function originOf(uri: string): string | undefined {
  if (!URL.canParse(uri)) return undefined
  const { origin, protocol, host } = new URL(uri)
  if (origin !== 'null') return origin
  return host === '' ? undefined : `${protocol}//${host}`
}

function matches(pattern: string, url: URL): boolean {
  if (pattern === '*') return true
  const [scheme, host] = pattern.includes('://') ? pattern.split('://') : [undefined, pattern]
  if (scheme !== undefined && `${scheme}:` !== url.protocol) return false
  if (host === undefined) return false
  const wanted = host.toLowerCase()
  const subject = wanted.includes(':') ? url.host : url.hostname
  return wanted.startsWith('*.') ? subject.endsWith(wanted.slice(1)) : subject === wanted
}

const open = new Set([
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  '/oauth2/jwks',
  '/robots.txt',
])

export const cors: MiddlewareHandler<Env> = async (c, next) => {
  const origin = c.req.header('origin')
  const headers: Record<string, string> = {}
  if (open.has(c.req.path)) headers['access-control-allow-origin'] = '*'
  else if (origin !== undefined && originAllowed(origin, c.get('project').config, c.get('origin').host)) {
    headers['access-control-allow-origin'] = origin
    headers['access-control-allow-credentials'] = 'true'
    headers['access-control-expose-headers'] = 'DPoP-Nonce, WWW-Authenticate, Retry-After'
  }
  if (c.req.method === 'OPTIONS') {
    if (headers['access-control-allow-origin'] !== undefined) {
      headers['access-control-max-age'] = '900'
      const method = c.req.header('access-control-request-method')
      const wanted = c.req.header('access-control-request-headers')
      if (method !== undefined) headers['access-control-allow-methods'] = method
      if (wanted !== undefined) headers['access-control-allow-headers'] = wanted
    }
    return c.body(null, 200, { ...headers, vary: 'Origin' })
  }
  await next()
  for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value)
  c.res.headers.append('vary', 'Origin')
}
