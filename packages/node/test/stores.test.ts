// Sessions that are kept in a store: PostgreSQL, and a server that speaks Redis's protocol.
import { randomUUID } from 'node:crypto'
import { type Headgear, startHeadgear } from 'headgear/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevelopmentProject } from '../../server/src/dev/projects.ts'
import { createDatabase, type TestDatabase } from '../../server/test/support/postgres.ts'
import type { Options, SessionStore } from '../src/index.ts'
import { postgresStore } from '../src/postgres.ts'
import { redisStore } from '../src/redis.ts'
import { eventually } from './support/eventually.ts'
import { locationOf, newPerson, type Person, type Tab } from './support/person.ts'
import { findRedis, type RedisServer, startRedis } from './support/redis.ts'
import { openShop, type Shop, shopOrigin, shopProject } from './support/shop.ts'

type Opened = {
  store: SessionStore
  everything(): Promise<string>
  /** When a session expires, Unix milliseconds. */
  expiry(key: string): Promise<number>
  close(): Promise<void>
}

async function openPostgres(): Promise<Opened> {
  const database: TestDatabase = await createDatabase()
  const pool = new pg.Pool({ connectionString: database.url })
  pool.on('error', () => {})
  const store = postgresStore(pool)
  await Promise.all([store.prepare(), store.prepare(), store.prepare()])
  return {
    store,
    everything: async () => JSON.stringify((await pool.query('select * from headgear_session')).rows),
    async expiry(key) {
      const { rows } = await pool.query('select expires_at from headgear_session where key = $1', [key])
      return new Date(rows[0]?.expires_at ?? 0).getTime()
    },
    async close() {
      await pool.end()
      await database.drop()
    },
  }
}

async function openRedis(): Promise<Opened> {
  const server: RedisServer = await startRedis()
  return {
    store: redisStore(server.command),
    async everything() {
      const keys = (await server.command('KEYS', '*session*')) as string[]
      return JSON.stringify(await Promise.all(keys.map((key) => server.command('HGETALL', key))))
    },
    expiry: async (key) => Number(await server.command('PEXPIRETIME', `headgear:session:${key}`)),
    close: server.stop,
  }
}

let server: Headgear
let project: DevelopmentProject
let ana: Person
let bob: Person
beforeAll(async () => {
  server = await startHeadgear()
  project = await shopProject(server)
  ana = await newPerson(server, project)
  bob = await newPerson(server, project)
})
afterAll(() => server.stop())

const kinds: [name: string, found: boolean, open: () => Promise<Opened>][] = [
  ['PostgreSQL', process.env.HEADGEAR_TEST_DATABASE_URL !== undefined, openPostgres],
  ['Redis', findRedis() !== undefined, openRedis],
]

for (const [name, found, open] of kinds)
  describe.runIf(found)(name, () => {
    let opened: Opened
    let store: SessionStore
    beforeAll(async () => {
      opened = await open()
      store = opened.store
    })
    afterAll(() => opened.close())

    const soon = (ms: number) => new Date(Date.now() + ms)
    const entry = (more: object = {}) => ({
      data: 'sealed',
      sid: randomUUID(),
      sub: randomUUID(),
      signedInAt: new Date(),
      expiresAt: soon(60_000),
      ...more,
    })

    describe('as a store', () => {
      test('keeps versions, of which one writer makes the next', async () => {
        const [key, kept] = [randomUUID(), entry()]
        expect(await store.read(key)).toBeUndefined()
        await store.create(key, kept)
        expect(await store.read(key)).toEqual({ data: 'sealed', version: 1 })
        const writers = Array.from({ length: 8 }, (_, i) => store.replace(key, 1, { ...kept, data: `by ${i}` }))
        const won = await Promise.all(writers)
        expect(won.filter(Boolean)).toHaveLength(1)
        expect(await store.read(key)).toEqual({ data: `by ${won.indexOf(true)}`, version: 2 })
        expect(await store.replace(key, 2, { ...kept, data: 'third' })).toBe(true)
        await store.remove(key)
        expect([await store.read(key), await store.replace(key, 3, kept)]).toEqual([undefined, false])
      })

      test('lets one of many claim a version, until it is done, gives up, or its time is up', async () => {
        const [key, kept] = [randomUUID(), entry()]
        await store.create(key, kept)
        const claims = await Promise.all(Array.from({ length: 8 }, () => store.claim(key, 1, 60_000)))
        expect(claims.filter(Boolean)).toHaveLength(1)
        await store.release(key, 2)
        expect(await store.claim(key, 1, 60_000)).toBe(false)
        await store.release(key, 1)
        expect(await store.claim(key, 1, 60_000)).toBe(true)
        await store.replace(key, 1, kept)
        expect(await store.claim(key, 1, 60_000)).toBe(false)
        expect(await store.claim(key, 2, 1)).toBe(true)
        await eventually(async () => expect(await store.claim(key, 2, 60_000)).toBe(true))
        expect(await store.claim(randomUUID(), 1, 60_000)).toBe(false)
      })

      test('forgets what has expired, and keeps what was renewed as long as it says now', async () => {
        const [gone, kept] = [randomUUID(), randomUUID()]
        await store.create(gone, entry({ expiresAt: soon(50) }))
        await eventually(async () => expect(await store.read(gone)).toBeUndefined())
        const [brief, longer] = [soon(30_000), soon(90_000)]
        const first = entry({ expiresAt: brief })
        await store.create(kept, first)
        expect(await opened.expiry(kept)).toBe(brief.getTime())
        expect(await store.replace(kept, 1, { ...first, expiresAt: longer })).toBe(true)
        expect(await opened.expiry(kept)).toBe(longer.getTime())
      })

      test('removes by `sid`, and by user and time', async () => {
        const [sid, sub] = [randomUUID(), randomUUID()]
        const at = (time: number) => ({ sub, signedInAt: new Date(time) })
        const keys = [randomUUID(), randomUUID(), randomUUID(), randomUUID()] as const
        const now = Date.now()
        await store.create(keys[0], entry({ ...at(now - 2000), sid }))
        await store.create(keys[1], entry(at(now - 2000)))
        await store.create(keys[2], entry({ ...at(now), sid: null }))
        await store.create(keys[3], entry())
        const left = async () =>
          Promise.all(keys.map(async (key) => ((await store.read(key)) === undefined ? 'gone' : 'there')))
        await store.removeAll({ sid })
        expect(await left()).toEqual(['gone', 'there', 'there', 'there'])
        await store.removeAll({ sub, until: new Date(now - 1000) })
        expect(await left()).toEqual(['gone', 'gone', 'there', 'there'])
        await store.removeAll({ sub: randomUUID(), until: soon(0) })
        await store.removeAll({ sid: randomUUID() })
        expect(await left()).toEqual(['gone', 'gone', 'there', 'there'])
      })

      test('denies by name what began before, for a time', async () => {
        const [one, other] = [randomUUID(), randomUUID()]
        const now = Date.now()
        await store.deny(one, new Date(now), soon(60_000))
        await store.deny(one, new Date(now - 5000), soon(60_000))
        const denied = (names: string[], began: number) => store.denied(names, new Date(began))
        expect(await denied([other, one], now - 1000)).toBe(true)
        expect(await denied([one], now)).toBe(false)
        expect(await denied([other], 0)).toBe(false)
        await store.deny(other, new Date('9999-12-31'), soon(100))
        await eventually(async () => expect(await denied([other], now)).toBe(false))
      })
    })

    describe('as the sessions of an app', () => {
      const seen = async (tab: Tab) => (await (await tab.get('/')).json()) as { sub: string; email: string } | null
      const tokenRequests = (...shops: Shop[]) => shops.reduce((sum, { wire }) => sum + wire.count('/oauth2/token'), 0)
      const shopWith = (options: Partial<Options> = {}) => openShop(server, project, { store, ...options })

      /** The same browser at another process of the app. */
      function elsewhere(tab: Tab, options: Partial<Options> = {}) {
        const shop = shopWith(options)
        const other = shop.tab()
        for (const [cookie, value] of tab.cookies) other.cookies.set(cookie, value)
        return { shop, tab: other }
      }

      test('the browser has an id, and the store nothing that could be used', async () => {
        const shop = shopWith()
        const tab = shop.tab()
        await ana.signIn(tab)
        expect(await seen(tab)).toMatchObject({ email: ana.email })
        expect([...tab.cookies.keys()]).toEqual(['__Host-headgear'])
        const [id = ''] = tab.cookies.values()
        expect(id).toMatch(/^[\w-]{43}$/)
        const kept = await opened.everything()
        for (const secret of [id, ana.email, await shop.seen?.session?.accessToken()])
          expect(kept).not.toContain(secret)
      })

      test.each(['shop', 'rotating'])('many requests at many processes renew once (%s)', async (clientId) => {
        const options = { clientId }
        const first = shopWith(options)
        const tab = first.tab()
        await ana.signIn(tab)
        for (let round = 1; round <= 2; round++) {
          await server.clock.advance(1_800_000)
          const processes = [elsewhere(tab, options), elsewhere(tab, options), elsewhere(tab, options)]
          const answers = await Promise.all(
            processes.flatMap((process) => Array.from({ length: 5 }, () => process.tab.get('/token'))),
          )
          const tokens = await Promise.all(answers.map((answer) => answer.text()))
          expect(new Set(tokens).size).toBe(1)
          expect(tokens[0]).toMatch(/^ey/)
          expect(tokenRequests(...processes.map(({ shop }) => shop))).toBe(1)
          expect(answers.flatMap(({ headers }) => headers.getSetCookie())).toEqual([])
        }
      })

      test('a process that dies while it renews holds nobody up for long', async () => {
        const tab = shopWith().tab()
        await ana.signIn(tab)
        await server.clock.advance(1_800_000)
        // After its claim nothing that it does arrives anywhere.
        const dying = elsewhere(tab, { timeoutSeconds: 0.2 })
        const discovery = await (await fetch(`${project.local_origin}/.well-known/openid-configuration`)).text()
        const known = new Response(discovery, { headers: { 'content-type': 'application/json' } })
        dying.shop.wire.bend('/.well-known/openid-configuration', async () => known)
        dying.shop.wire.bend('/oauth2/token', () => new Promise(() => {}))
        void dying.tab.get('/')
        await eventually(() => expect(tokenRequests(dying.shop)).toBe(1))
        const waiting = elsewhere(tab, { timeoutSeconds: 0.2 })
        expect(await seen(waiting.tab)).toMatchObject({ email: ana.email, stale: true })
        const next = elsewhere(tab)
        await eventually(async () => expect(await seen(next.tab)).toMatchObject({ email: ana.email, stale: false }))
      })

      test('a fault of the network keeps the session for every process, and holds nobody up', async () => {
        const shop = shopWith()
        const tab = shop.tab()
        await ana.signIn(tab)
        await server.clock.advance(1_800_000)
        const other = elsewhere(tab)
        shop.wire.cut()
        expect(await seen(tab)).toMatchObject({ email: ana.email, stale: true })
        expect(await seen(other.tab)).toMatchObject({ email: ana.email, stale: false })
        expect(await seen(tab)).toMatchObject({ email: ana.email, stale: false })
      })

      test('`invalid_grant` drops it everywhere', async () => {
        const shop = shopWith()
        const tab = shop.tab()
        await ana.signIn(tab)
        const other = elsewhere(tab)
        await server.clock.advance(1_800_000)
        shop.wire.bend('/oauth2/token', async () => Response.json({ error: 'invalid_grant' }, { status: 400 }))
        expect([await seen(tab), tab.cookies.size]).toEqual([null, 0])
        expect([await seen(other.tab), tokenRequests(other.shop)]).toEqual([null, 0])
      })

      test('signing out counts at every process at once, even for a renewal under way', async () => {
        const shop = shopWith()
        const tab = shop.tab()
        await ana.signIn(tab)
        await server.clock.advance(1_800_000)
        const slow = elsewhere(tab)
        const copy = elsewhere(tab)
        const gate = Promise.withResolvers<void>()
        slow.shop.wire.bend('/oauth2/token', async (request, send) => {
          const answer = await send(request)
          await gate.promise
          return answer
        })
        const late = slow.tab.get('/')
        await eventually(() => expect(tokenRequests(slow.shop)).toBe(1))
        const out = await tab.post('/auth/logout', { origin: shopOrigin })
        expect(new URL(locationOf(out)).searchParams.get('id_token_hint')).toEqual(expect.any(String))
        gate.resolve()
        expect(await (await late).json()).toBeNull()
        expect(await seen(copy.tab)).toBeNull()
      })

      test('a new sign-in takes the place of the one before', async () => {
        const shop = shopWith()
        const tab = shop.tab()
        await ana.signIn(tab)
        const before = elsewhere(tab)
        await bob.signIn(tab)
        expect(await seen(tab)).toMatchObject({ email: bob.email })
        expect(await seen(before.tab)).toBeNull()
      })

      test('one row cannot be passed off as another', async () => {
        const rows = new Map<string, string>()
        const watched: SessionStore = {
          ...store,
          async create(key, session) {
            rows.set(session.sub, session.data)
            await store.create(key, session)
          },
          async read(key) {
            const found = await store.read(key)
            return found && { ...found, data: rows.get('instead') ?? found.data }
          },
        }
        const shop = shopWith({ store: watched })
        const tab = shop.tab()
        await ana.signIn(tab)
        expect(await seen(tab)).toMatchObject({ email: ana.email })
        await bob.signIn(shop.tab())
        rows.set('instead', [...rows.values()].at(-1) ?? '')
        expect(await seen(tab)).toBeNull()
      })

      test('while the store is out of reach, nobody is signed out', async () => {
        const fault = async () => Promise.reject(new Error('connection refused'))
        const shop = shopWith()
        const tab = shop.tab()
        await ana.signIn(tab)
        const before = new Map(tab.cookies)
        const broken = elsewhere(tab, { store: { ...store, read: fault } })
        expect([(await broken.tab.get('/')).status, broken.tab.cookies]).toEqual([503, before])
        const without = elsewhere(tab, { store: { ...store, create: fault } })
        expect((await bob.signIn(without.tab)).status).toBe(503)
        expect(await seen(tab)).toMatchObject({ email: ana.email })
      })

      test('sessions in cookies may share its denylist', async () => {
        const options = { denylist: store }
        const shop = openShop(server, project, options)
        const tab = shop.tab()
        await ana.signIn(tab)
        const other = openShop(server, project, options).tab()
        for (const [cookie, value] of tab.cookies) other.cookies.set(cookie, value)
        expect(await seen(other)).toMatchObject({ email: ana.email })
        await tab.post('/auth/logout')
        expect(await seen(other)).toBeNull()
      })
    })
  })
