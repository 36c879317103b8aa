// The operations port: is the process alive, may it get traffic, what does it measure.
import { Hono } from 'hono'
import type { Node } from './node.ts'

/** Whether this node may get traffic: its database answers and its log cursor is fresh. */
export async function isReady(node: Node): Promise<boolean> {
  if (!node.log.fresh()) return false
  try {
    await node.world.db.run('select 1', [])
    return true
  } catch {
    return false
  }
}

export function healthRoutes(node: Node) {
  const app = new Hono()
  app.get('/healthz', (c) => c.text('OK'))
  app.get('/readyz', async (c) =>
    (await isReady(node)) ? c.text('OK') : c.text('Service Unavailable', 503, { 'retry-after': '1' }),
  )
  return app
}

export function opsApp(node: Node) {
  const app = healthRoutes(node)
  // A TLS front asks before it gets a certificate (Caddy's on-demand TLS): only hosts that are served are worth one.
  app.get('/tls/ask', async (c) => {
    const domain = c.req.query('domain') ?? ''
    try {
      const site = domain === '' ? undefined : await node.directory.byHost(domain)
      return site === undefined ? c.text('no project is served there', 404) : c.text('OK')
    } catch {
      return c.text('Service Unavailable', 503, { 'retry-after': '1' })
    }
  })
  app.get('/metrics', async (c) => {
    const { metrics } = await import('./metrics.ts')
    const text = await metrics(node)
    return c.body(text.body, 200, { 'content-type': text.type })
  })
  return app
}
