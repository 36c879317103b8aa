// The port without TLS beside `--acme`: it answers the authority (RFC 8555 §8.3), and leads everybody else to HTTPS.
import { Hono } from 'hono'
import type { Node } from '../node.ts'
import { answerTo } from './store.ts'

export function plainDoor(node: Node) {
  const app = new Hono()
  app.get('/.well-known/acme-challenge/:token', async (c) => {
    const token = c.req.param('token')
    const answer = /^[\w-]{16,255}$/.test(token) ? await answerTo(node.world.db.query, token) : undefined
    return answer === undefined
      ? c.text('no such challenge', 404)
      : c.body(answer, 200, { 'content-type': 'application/octet-stream' })
  })
  app.all('*', async (c) => {
    const host = c.req.header('host') ?? ''
    const site = host === '' ? undefined : await node.directory.byHost(host)
    if (site === undefined) return c.text('app not found', 404)
    const { pathname, search } = new URL(c.req.url)
    const { origin, secure } = site.origin
    const base = site.canonical && secure ? origin : `https://${host.replace(/:\d+$/, '')}`
    return c.redirect(`${base}${pathname}${search}`, 308)
  })
  app.onError((error, c) => {
    node.world.log.warn({ err: error }, 'a request without TLS could not be answered')
    return c.text('Service Unavailable', 503, { 'retry-after': '1' })
  })
  return app
}
