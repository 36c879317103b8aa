// The development surface: inbox, projects, clock. It exists with --dev only, on localhost names only, and never behind
// a proxy.
import { readFileSync } from 'node:fs'
import { Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { z } from 'zod'
import { nodeId } from '../admin/ids.ts'
import { wordsFor } from '../localization/words.ts'
import type { Node } from '../node.ts'
import { assets, monogramUrl, serveTheme, themeUrl } from '../pages/assets.ts'
import type { Site } from '../pages/layout.tsx'
import { scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import type { Running } from '../serve.ts'
import { advanceClock } from '../storage/instance.ts'
import { after } from '../world.ts'
import { inboxPage } from './inbox_page.tsx'
import { makeProject } from './projects.ts'
import { defaultProjectId, demoOrigins } from './seed.ts'
import { startPage } from './start_page.tsx'
import { newestAccount } from './store.ts'

const forwardingHeaders = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-original-host',
  'x-real-ip',
  'via',
]

/** Whether a Host names this machine: localhost, a name under it, or a loopback address. */
export function isLocalHost(host: string): boolean {
  const name = host.toLowerCase().replace(/:\d+$/, '')
  return name === 'localhost' || name.endsWith('.localhost') || name === '127.0.0.1' || name === '[::1]'
}

const NewProject = z.strictObject({
  id: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/),
  config: z.string(),
  secrets: z.string().optional(),
})
const ClockMove = z.strictObject({
  advance_seconds: z
    .number()
    .min(0)
    .max(100 * 366 * 86_400),
})

/** An access token says its end in 32 bits of seconds, until 2106. */
const lastMoment = new Date('2100-01-01T00:00:00Z')

const site: Site = { name: 'Headgear', theme: {}, watermarkDisabled: true }

const policy = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

const file = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

/** Everything under `/_dev`, and the look of its pages on hosts that belong to no project. */
export function devDoor(node: Node, running: Running): Hono {
  const door = new Hono()
  const own = [themeUrl(site), monogramUrl(site)]
  const look: MiddlewareHandler = (c, next) =>
    own.includes(c.req.path) ? Promise.resolve(serveTheme(c, site)) : next()
  door.get('/_assets/*', assets)
  door.get('/_theme/*', look)
  door.route('/_dev', surface(node, running))
  return door
}

function surface(node: Node, running: Running): Hono {
  const app = new Hono()

  app.use('*', async (c, next) => {
    const host = c.req.header('host') ?? ''
    if (!isLocalHost(host) || forwardingHeaders.some((name) => c.req.header(name) !== undefined))
      return c.text('not found', 404)
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') {
      const site = c.req.header('sec-fetch-site')
      if (site !== undefined && site !== 'same-origin' && site !== 'none')
        return c.text('cross-site request refused', 403)
      if (!/^application\/json *(;|$)/i.test(c.req.header('content-type') ?? ''))
        return c.text('send application/json', 415)
    }
    c.header('cache-control', 'no-store')
    return next()
  })
  app.use(
    '*',
    bodyLimit({
      maxSize: 1024 * 1024,
      onError(c) {
        c.header('connection', 'close')
        throw new Refusal({
          name: 'RequestEntityTooLarge',
          reason: 'RequestEntityTooLarge',
          message: 'the request body is larger than 1 MiB',
        })
      },
    }),
  )

  const { version } = JSON.parse(file('package.json')) as { version: string }
  const [sheet, script] = [file('assets/dev.css'), file('assets/dev.js')]
  app.get('/dev.css', (c) => c.body(sheet, 200, { 'content-type': 'text/css; charset=utf-8' }))
  app.get('/dev.js', (c) => c.body(script, 200, { 'content-type': 'text/javascript; charset=utf-8' }))

  const origin = () => `http://localhost:${running.port}`
  const demo = () => demoOrigins(origin()).app

  app.get('/', async (c) => {
    c.header('content-security-policy', policy)
    const to = c.req.query('to') || undefined
    const messages = running.inbox?.messages(to) ?? []
    return c.html(inboxPage({ site, words: await wordsFor('en'), messages, to, demo: demo() }))
  })

  app.get('/start', async (c) => {
    c.header('content-security-policy', policy)
    const account = await newestAccount(scopeOf(node.world.db, { id: defaultProjectId }))
    return c.html(
      startPage({
        site,
        words: await wordsFor('en'),
        origin: origin(),
        demo: demo(),
        messages: running.inbox?.messages().length ?? 0,
        account: account && { name: account.name, nodeId: nodeId('User', account.id) },
        database: node.world.db.kind,
        dataDir: running.dataDir,
        version,
      }),
    )
  })

  app.get('/messages', (c) => c.json(running.inbox?.messages(c.req.query('to')) ?? []))

  app.post('/projects', async (c) => {
    const body = read(NewProject, await c.req.json().catch(() => undefined))
    return c.json(await makeProject(node, running, body))
  })

  app.post('/clock', async (c) => {
    const { advance_seconds } = read(ClockMove, await c.req.json().catch(() => undefined))
    if (after(node.world.clock.now(), advance_seconds) > lastMoment)
      throw new Refusal({
        name: 'BadRequest',
        reason: 'Invalid',
        message: 'the clock goes no further than the year 2100',
      })
    await advanceClock(node.world.db.query, Math.round(advance_seconds * 1000))
    await node.log.poll()
    return c.json({ now: node.world.clock.now().toISOString() })
  })

  app.onError((error, c) => {
    const refusal = error instanceof Refusal ? error : undefined
    if (refusal === undefined) node.world.log.error({ err: error }, 'development surface')
    return c.json(
      {
        error: {
          name: refusal?.name ?? 'InternalError',
          reason: refusal?.reason ?? 'UnexpectedError',
          message: refusal?.message ?? 'unexpected error',
          ...(refusal?.info ? { info: refusal.info } : {}),
        },
      },
      refusal?.status ?? 500,
    )
  })
  return app
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  throw new Refusal({
    name: 'BadRequest',
    reason: 'ValidationFailed',
    message: parsed.error.issues.map((issue) => `/${issue.path.join('/')}: ${issue.message}`).join('; '),
  })
}
