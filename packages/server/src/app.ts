// Host → project; then every door, one line each. Read this first.
import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import { adminDoor } from './admin/http.ts'
import { devDoor } from './dev/http.ts'
import { flowsDoor } from './flows/http.ts'
import type { Env } from './http/context.ts'
import { cors } from './http/cors.ts'
import { forwarded } from './http/proxy.ts'
import type { Node } from './node.ts'
import { oauthDoor } from './oauth/http.ts'
import { healthRoutes } from './ops.ts'
import { assets, knownTheme } from './pages/assets.ts'
import { pagesDoor } from './pages/http.ts'
import { oauthViews } from './pages/oauth_views.tsx'
import { failurePage, isNavigation, unknownHost } from './pages/outside.tsx'
import { Refusal } from './refusal.ts'
import { answerResolve, resolverPath } from './resolver/http.ts'
import type { Running } from './serve.ts'
import { databaseOutage } from './storage/database.ts'

/** The whole server as one function from Request to Response. `running` is there when it is served on the wire. */
export function makeApp(node: Node, running?: Running): Hono<Env> {
  const app = new Hono<Env>()
  app.route('/', healthRoutes(node))
  if (node.development && running !== undefined) app.route('/', devDoor(node, running))

  app.on(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH'], [resolverPath], async (c) => {
    const answer = await answerResolve(node, {
      method: c.req.method,
      url: c.req.url,
      header: (name) => c.req.header(name),
      peer: c.env?.remoteAddress ?? '127.0.0.1',
    })
    return new Response(answer.body ?? null, { status: answer.status, headers: answer.headers })
  })

  // Addressed by content, so no project is needed to serve them, and no database.
  app.get('/_assets/*', assets)
  app.get('/_theme/*', knownTheme)

  app.use('*', async (c, next) => {
    const { host, ip } = forwarded((name) => c.req.header(name), c.env?.remoteAddress ?? '127.0.0.1', node.trusted)
    const site = host === undefined ? undefined : await node.directory.byHost(host)
    if (site === undefined) return isNavigation(c) ? unknownHost(c, host) : c.text('app not found', 404)
    c.set('node', node)
    c.set('project', site.project)
    c.set('origin', site.origin)
    c.set('caller', { ip, userAgent: c.req.header('user-agent') ?? '' })
    c.set('trackingId', randomUUID())
    c.set('views', oauthViews)
    // 307 keeps method and body: a client with an old or built-in host goes on working.
    if (!site.canonical) {
      const url = new URL(c.req.url)
      return c.redirect(`${site.origin.origin}${url.pathname}${url.search}`, 307)
    }
    const tidy = tidyPath(c.req.path)
    if (tidy !== c.req.path) return c.redirect(`${site.origin.origin}${tidy}${new URL(c.req.url).search}`, 308)
    await next()
    c.res.headers.set('x-content-type-options', 'nosniff')
    c.res.headers.set('x-robots-tag', 'noindex')
    c.res.headers.set('permissions-policy', 'camera=(), microphone=(), geolocation=(), payment=()')
    c.res.headers.set('referrer-policy', 'strict-origin-when-cross-origin')
    if (site.origin.secure) c.res.headers.set('strict-transport-security', 'max-age=31536000')
  })
  app.use('*', cors)

  // The doors, one line each.
  app.route('/', oauthDoor)
  app.route('/', flowsDoor)
  app.route('/', adminDoor)
  app.route('/', pagesDoor) // Last: it also answers for addresses that no door knows.

  app.onError((error, c) => {
    const refusal = databaseOutage(error) ?? (error instanceof Refusal ? error : undefined)
    const trackingId = c.get('trackingId') ?? randomUUID()
    if (refusal === undefined)
      node.world.log.error({ err: error, tracking_id: trackingId, path: c.req.path }, 'unexpected error')
    else
      node.world.log.info(
        { reason: refusal.reason, detail: refusal.detail, tracking_id: trackingId, path: c.req.path },
        'refused',
      )
    const shown =
      refusal ?? new Refusal({ name: 'InternalError', reason: 'UnexpectedError', message: 'unexpected error' })
    if (shown.retryAfter !== undefined) c.header('retry-after', String(shown.retryAfter))
    if (isNavigation(c)) return failurePage(c, shown, trackingId)
    return c.json(
      {
        error: {
          name: shown.name,
          reason: shown.reason,
          message: shown.message,
          code: shown.status,
          tracking_id: trackingId,
          ...(shown.info ? { info: shown.info } : {}),
        },
      },
      shown.status,
    )
  })

  return app
}

/** The address that is meant: without slashes at its end, and an endpoint of the protocols in small letters. */
function tidyPath(path: string): string {
  const bare = path.replace(/\/+$/, '') || '/'
  const isProtocol = /^\/(oauth2\/|\.well-known\/(openid-configuration|oauth-authorization-server)$)/i.test(bare)
  return isProtocol ? bare.toLowerCase() : bare
}
