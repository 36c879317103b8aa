// GET /oauth2/revocations: what backends follow that verify JWTs by themselves (docs/revocation-feed.md).
import { Hono } from 'hono'
import { type FeedPage, readFeed } from '../events/feed.ts'
import { at, type Env } from '../http/context.ts'
import { signingKey, signJwt } from '../keys/sign.ts'
import { scopeOf } from '../projects/find.ts'

/** Milliseconds that a request may wait for news. With a request underway at all times, a follower is never older than a second. */
const longestWait = 500

export const revocationsDoor = new Hono<Env>()

revocationsDoor.get('/oauth2/revocations', async (c) => {
  const { node, world, project, origin } = at(c)
  const after = c.req.query('after') || undefined
  const wait = c.req.query('wait') ?? '0'
  if (!/^\d{1,3}$/.test(wait) || Number(wait) > longestWait)
    return c.json({ error: 'invalid_request', error_description: `wait is 0 to ${longestWait} milliseconds` }, 400)

  const scope = scopeOf(world.db, project)
  const read = () => readFeed(scope, after, world.clock.now())
  // Listening begins before the reading, so that nothing falls between the two.
  const news = Number(wait) > 0 ? node.feed.wait(project.id, Number(wait)) : undefined
  let page = await read()
  if (page !== undefined && news !== undefined && after !== undefined && isQuiet(page) && (await news))
    page = await read()
  if (page === undefined)
    return c.json({ error: 'cursor_expired', error_description: 'start again without `after`' }, 410)

  const now = world.clock.now()
  const jws = await signJwt(
    signingKey(project.signingKeys, 'ES256', now),
    { typ: 'revocations+jwt' },
    { iss: origin.origin, iat: Math.floor(now.getTime() / 1000), after: after ?? null, ...page },
  )
  return c.body(jws, 200, { 'content-type': 'application/jwt', 'cache-control': 'no-store' })
})

function isQuiet(page: FeedPage): boolean {
  return page.entries.length === 0 && !page.more
}
