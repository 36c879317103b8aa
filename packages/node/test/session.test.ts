// A session of the app's own in the browser's cookies: renewed when it must be, lost only when it is over.
import { type Headgear, startHeadgear } from 'headgear/testing'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { DevelopmentProject } from '../../server/src/dev/projects.ts'
import { memoryDenylist, type Options } from '../src/index.ts'
import { eventually } from './support/eventually.ts'
import { locationOf, newPerson, openTab, type Person, type Tab } from './support/person.ts'
import { endAtHeadgear, openShop, type Shop, shopOrigin, shopProject } from './support/shop.ts'

let server: Headgear
let project: DevelopmentProject
let ana: Person
let bob: Person
const followers: Shop[] = []
beforeAll(async () => {
  server = await startHeadgear()
  project = await shopProject(server)
  ana = await newPerson(server, project)
  bob = await newPerson(server, project)
})
afterAll(async () => {
  await Promise.all(followers.map(({ auth }) => auth.close()))
  await server.stop()
})
afterEach(() => {
  vi.restoreAllMocks()
})

const lifetime = 1_800_000
const expire = () => server.clock.advance(lifetime)

type Seen = { sub: string; email: string; stale: boolean; logout: string } | null
const seen = async (tab: Tab, path = '/') => (await (await tab.get(path)).json()) as Seen
const tokenRequests = ({ wire }: Shop) => wire.count('/oauth2/token')

async function signedIn(options: Partial<Options> = {}, person = ana) {
  const shop = openShop(server, project, options)
  const tab = shop.tab()
  await person.signIn(tab)
  return { shop, tab }
}

/** One more process of the same shop, and the same browser there. */
function nextProcess({ tab }: { tab: Tab }, options: Partial<Options> = {}) {
  const shop = openShop(server, project, options)
  const other = shop.tab()
  for (const [name, value] of tab.cookies) other.cookies.set(name, value)
  return { shop, tab: other }
}

const endHere = async ({ shop }: { shop: Shop }) =>
  endAtHeadgear(server, project, await shop.seen?.session?.accessToken())

describe('renewal', () => {
  test('S22: waits until the access token expires, and then takes one request', async () => {
    const { shop, tab } = await signedIn()
    const before = new Map(tab.cookies)
    expect([await seen(tab), tokenRequests(shop)]).toMatchObject([{ stale: false }, 1])
    const token = await (await tab.get('/token')).text()
    expect(tab.cookies).toEqual(before)

    await expire()
    const renewed = await tab.get('/')
    expect([await renewed.json(), tokenRequests(shop)]).toMatchObject([{ email: ana.email, stale: false }, 2])
    expect(renewed.headers.getSetCookie().map((line) => line.split('=')[0])).toEqual(['__Host-headgear-tokens'])
    expect(renewed.headers.get('cache-control')).toBe('private, no-store')
    const next = await (await tab.get('/token')).text()
    expect([next.length, next === token, tokenRequests(shop)]).toEqual([token.length, false, 2])
    expect((await tab.get('/')).headers.getSetCookie()).toEqual([])
  })

  test('is made once for any number of requests at once, and for those that come late with the old cookie', async () => {
    const { shop, tab } = await signedIn()
    await expire()
    const cookie = tab.header()
    const crowd = Array.from({ length: 30 }, () => tab.late('/token', cookie))
    const tokens = await Promise.all(crowd.map(async ({ answer }) => (await answer).text()))
    expect([new Set(tokens).size, tokenRequests(shop)]).toEqual([1, 2])
    const late = tab.late('/token', cookie)
    expect([await (await late.answer).text(), tokenRequests(shop)]).toEqual([tokens[0], 2])
    await late.arrive()
    const other = nextProcess({ tab })
    expect([await (await other.tab.get('/token')).text(), tokenRequests(other.shop)]).toEqual([tokens[0], 0])
  })

  test.each(['shop', 'rotating', 'opaque'])('by several processes at once logs nobody out (%s)', async (clientId) => {
    const options = { clientId }
    const first = await signedIn(options)
    for (let round = 0; round < 3; round++) {
      await expire()
      const processes = [nextProcess(first, options), nextProcess(first, options), nextProcess(first, options)]
      const answers = await Promise.all(
        processes.flatMap(({ tab }) => [tab.get('/token'), tab.get('/token'), tab.get('/')]),
      )
      expect(answers.map(({ status }) => status)).toEqual(Array(9).fill(200))
      expect(processes.map(({ shop }) => tokenRequests(shop))).toEqual([1, 1, 1])
      // Headgear sees that the new tokens arrived; from then on the old ones are copies to it.
      const token = await answers[0]?.text()
      const authorization = `Bearer ${token}`
      expect((await fetch(`${project.local_origin}/oauth2/userinfo`, { headers: { authorization } })).status).toBe(200)
      // Whichever answer arrives last, its cookie is good.
      const last = processes[round]?.tab.cookies ?? new Map()
      for (const [name, value] of last) first.tab.cookies.set(name, value)
    }
    expect(await seen(nextProcess(first, options).tab)).toMatchObject({ stale: false })
  })

  test('uses the newest refresh token, whichever process got it', async () => {
    const options = { clientId: 'rotating' }
    const first = await signedIn(options)
    const [presented, received]: [unknown[], unknown[]] = [[], []]
    for (let round = 0; round < 3; round++) {
      await expire()
      const next = nextProcess(first, options)
      next.shop.wire.bend('/oauth2/token', async (request, send) => {
        presented.push(new URLSearchParams(await request.clone().text()).get('refresh_token'))
        const body = (await (await send(request)).json()) as { refresh_token: string }
        received.push(body.refresh_token)
        return Response.json(body)
      })
      await next.tab.get('/')
      for (const [name, value] of next.tab.cookies) first.tab.cookies.set(name, value)
    }
    expect(new Set(presented).size).toBe(3)
    expect(presented.slice(1)).toEqual(received.slice(0, 2))
  })

  test('takes what is new about the user', async () => {
    const eve = await newPerson(server, project)
    const { shop, tab } = await signedIn({}, eve)
    expect(await seen(tab)).toMatchObject({ email: eve.email })
    const { db } = server.node.world
    await db.query
      .updateTable('end_user')
      .set({ standard_attributes: JSON.stringify({ email: 'eve@example.com' }) } as never)
      .where('project_id', '=', project.id)
      .where('id', '=', shop.seen?.session?.sub ?? '')
      .execute()
    await expire()
    expect(await seen(tab)).toMatchObject({ email: 'eve@example.com' })
  })

  test('happens within a request that outlives its access token', async () => {
    const { shop, tab } = await signedIn()
    await tab.get('/')
    const { session } = shop.seen ?? {}
    const token = await session?.accessToken()
    await expire()
    expect(session?.stale).toBe(true)
    const next = await session?.accessToken()
    expect([next === token, session?.stale, tokenRequests(shop)]).toEqual([false, false, 2])
  })

  test('that fails in the last seconds of an access token leaves those', async () => {
    const { shop, tab } = await signedIn()
    const token = await (await tab.get('/token')).text()
    shop.wire.cut()
    await server.clock.advance(lifetime - 2000)
    expect(await (await tab.get('/token')).text()).toBe(token)
    await server.clock.advance(2000)
    expect((await tab.get('/token')).status).toBe(500)
  })

  test('that brings another user is none', async () => {
    const { shop, tab } = await signedIn()
    const other = await signedIn({ clientId: 'shop' }, bob)
    await other.tab.get('/')
    await expire()
    let stolen: unknown
    other.shop.wire.bend('/oauth2/token', async (request, send) => {
      stolen = await (await send(request)).json()
      return Response.json(stolen)
    })
    await other.tab.get('/')
    shop.wire.bend('/oauth2/token', async () => Response.json(stolen))
    expect(await seen(tab)).toMatchObject({ email: ana.email, stale: true })
    expect(shop.faults.join()).toContain('another user')
  })
})

describe('a fault that is not the session’s', () => {
  const answers: [string, Parameters<Shop['wire']['bend']>[1]][] = [
    ['nothing gets through', async () => Promise.reject(new TypeError('fetch failed'))],
    ['silence', (request) => new Promise((_, reject) => request.signal.addEventListener('abort', reject))],
    ['503', async () => Response.json({ error: 'temporarily_unavailable' }, { status: 503 })],
    ['500 with a page', async () => new Response('<h1>Oops</h1>', { status: 500 })],
    ['429', async () => Response.json({ error: 'x_rate_limited' }, { status: 429 })],
    ['a wrong secret', async () => Response.json({ error: 'invalid_client' }, { status: 401 })],
    ['a portal’s page', async () => new Response('<h1>Welcome to our wireless network</h1>')],
    ['a redirect', async () => Response.redirect('https://evil.example/')],
    ['half an answer', async () => Response.json({ token_type: 'bearer' })],
  ]
  test.each(answers)('keeps it: %s', async (_, answer) => {
    const { shop, tab } = nextProcess(await signedIn(), { timeoutSeconds: 1 })
    await expire()
    const before = new Map(tab.cookies)
    shop.wire.bend('/oauth2/token', answer)
    expect(await seen(tab)).toMatchObject({ email: ana.email, stale: true })
    expect((await tab.get('/token')).status).toBe(500)
    expect(tab.cookies).toEqual(before)
    expect(shop.faults).not.toEqual([])
    shop.wire.mend()
    await eventually(async () => expect(await seen(tab)).toMatchObject({ email: ana.email, stale: false }))
    expect((await tab.get('/token')).status).toBe(200)
  })

  test('that lasts is borne for an hour, and then the app waits instead of guessing', async () => {
    const { shop, tab } = await signedIn()
    shop.wire.cut()
    await server.clock.advance(lifetime + 3_500_000)
    expect((await tab.get('/members')).status).toBe(200)
    await server.clock.advance(200_000)
    const refused = await tab.get('/members')
    expect([refused.status, refused.headers.get('retry-after'), shop.seen?.session]).toEqual([503, '5', undefined])
    shop.wire.mend()
    await eventually(async () => expect((await tab.get('/members')).status).toBe(200))
    expect(await seen(tab, '/members')).toMatchObject({ email: ana.email, stale: false })
  })

  test('that is slow to show itself does not slow every request', async () => {
    let late = 0
    const clock = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => clock() + late)
    const { shop, tab } = await signedIn()
    await expire()
    shop.wire.bend('/oauth2/token', async () => {
      late += 60_000
      throw new TypeError('fetch failed')
    })
    for (let i = 0; i < 5; i++) expect(await seen(tab)).toMatchObject({ stale: true })
    expect(tokenRequests(shop)).toBe(2)
    late += 61_000
    expect([await seen(tab), tokenRequests(shop)]).toMatchObject([{ stale: true }, 3])
  })
})

describe('a session that Headgear ended', () => {
  test('S23: is dropped when its access token expires, once and for all', async () => {
    const { shop, tab } = await signedIn()
    await tab.get('/')
    await endHere({ shop })
    expect(await seen(tab)).toMatchObject({ email: ana.email })
    await expire()
    const old = tab.header()
    expect([await seen(tab), tab.cookies.size, tokenRequests(shop)]).toEqual([null, 0, 2])
    expect(await (await tab.late('/', old).answer).json()).toBeNull()
    expect(tokenRequests(shop)).toBe(2)
  })

  test('is dropped in the middle of a request that needs a token', async () => {
    const { shop, tab } = await signedIn()
    await tab.get('/')
    const { session } = shop.seen ?? {}
    await endHere({ shop })
    await expire()
    await expect(session?.accessToken()).rejects.toMatchObject({ name: 'Unauthorized', status: 401 })
    expect(shop.seen?.session).toBeUndefined()
  })

  test('is dropped at once where the revocation feed is followed', async () => {
    const { shop, tab } = await signedIn({ followRevocations: true })
    followers.push(shop)
    expect(await seen(tab)).toMatchObject({ email: ana.email })
    const other = await signedIn({ followRevocations: true }, bob)
    followers.push(other.shop)
    await endHere({ shop })
    await eventually(async () => expect(await seen(tab)).toBeNull())
    expect([tab.cookies.size, tokenRequests(shop)]).toEqual([0, 1])
    expect(await seen(other.tab)).toMatchObject({ email: bob.email })
  })

  test('without a refresh token lasts as long as its access token', async () => {
    const shop = openShop(server, project)
    const tab = shop.tab()
    const out = new URL(locationOf(await tab.get('/auth/login')))
    out.searchParams.set('scope', 'openid email')
    const { search } = await ana.answer(out.href)
    await tab.get(`/auth/callback${search}`)
    expect(await seen(tab)).toMatchObject({ email: ana.email })
    await expire()
    expect([await seen(tab), tab.cookies.size]).toEqual([null, 0])
  })
})

describe('signing out', () => {
  /** Whether Headgear still knows the browser. */
  const knownAtHeadgear = async (person: Person) =>
    (await person.browse(`${project.local_origin}/settings`)).url.pathname === '/settings'

  test('S23: ends both sides, without a question', async () => {
    const eve = await newPerson(server, project)
    const { shop, tab } = await signedIn({}, eve)
    await expire()
    await tab.get('/')
    const { sid } = shop.seen?.session ?? {}
    const copy = nextProcess({ tab })
    const before = tab.header()
    const out = await tab.post('/auth/logout', { origin: shopOrigin, 'sec-fetch-site': 'same-origin' })
    expect([out.status, tab.cookies.size, shop.faults]).toEqual([303, 0, []])
    expect(await seen(tab)).toBeNull()
    expect(await (await tab.late('/', before).answer).json()).toBeNull()
    // What spares a browser the question: it comes from another site, without the cookie that says otherwise.
    const hint = decodeJwt(new URL(locationOf(out)).searchParams.get('id_token_hint') ?? '')
    expect([hint.aud, hint.sid]).toEqual([['shop'], sid])
    expect(await knownAtHeadgear(eve)).toBe(true)
    expect((await eve.browse(locationOf(out))).url.href).toBe(`${shopOrigin}/`)
    expect(await knownAtHeadgear(eve)).toBe(false)
    await expire()
    expect(await seen(copy.tab)).toBeNull()
  })

  test('ends the session at Headgear though the browser never gets there', async () => {
    const { shop, tab } = await signedIn({ clientId: 'rotating' })
    const copy = nextProcess({ tab }, { clientId: 'rotating' })
    await tab.post('/auth/logout')
    await expire()
    expect([await seen(copy.tab), tokenRequests(shop), copy.tab.cookies.size]).toEqual([null, 2, 0])
  })

  test('works by a link of the session’s own', async () => {
    const one = await signedIn()
    const other = await signedIn({}, bob)
    const link = (await seen(one.tab))?.logout ?? ''
    for (const path of ['/auth/logout', '/auth/logout?exit=', '/auth/logout?exit=undefined', link]) {
      expect([path, (await other.tab.get(path)).status]).toEqual([path, 403])
      expect(await seen(other.tab)).toMatchObject({ email: bob.email })
    }
    expect((await one.tab.get(link)).status).toBe(303)
    expect(await seen(one.tab)).toBeNull()
    expect((await one.tab.get(link)).status).toBe(403)
    expect((await openShop(server, project).tab().get('/auth/logout')).status).toBe(403)
  })

  test.each([
    ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['a sibling host', { origin: 'https://blog.example.net', 'sec-fetch-site': 'same-site' }],
    ['another site, by a browser that says no more', { origin: 'https://evil.example' }],
    ['nowhere', { origin: 'null' }],
  ])('by a form of %s is refused', async (_, headers) => {
    const { tab } = await signedIn()
    expect((await tab.post('/auth/logout', headers)).status).toBe(403)
    expect(await seen(tab)).toMatchObject({ email: ana.email })
  })

  test('is done here even while Headgear is out of reach', async () => {
    const { shop, tab } = await signedIn()
    shop.wire.cut()
    const out = await tab.post('/auth/logout')
    expect([out.status, tab.cookies.size, shop.faults.length]).toEqual([303, 0, 1])
    // The browser may still get there; there it will be asked.
    const next = new URL(locationOf(out))
    expect(next.pathname).toBe('/oauth2/end_session')
    expect(Object.fromEntries(next.searchParams)).toEqual({
      client_id: 'shop',
      post_logout_redirect_uri: `${shopOrigin}/`,
    })
  })

  test('by who has no session here still leads to Headgear', async () => {
    const shop = openShop(server, project)
    const out = await shop.tab().post('/auth/logout')
    expect(new URL(locationOf(out)).pathname).toBe('/oauth2/end_session')
    shop.wire.cut()
    const cold = openShop(server, project, { fetch: shop.wire.fetch, afterLogout: '/bye' })
    expect(locationOf(await cold.tab().post('/auth/logout'))).toBe(`${shopOrigin}/bye`)
  })
})

describe('an answer that arrives late', () => {
  /** A renewal that is under way while something else happens, and arrives after it. */
  async function meanwhile(options: Partial<Options>, event: (tab: Tab, shop: Shop) => Promise<unknown>) {
    const { shop, tab } = await signedIn(options)
    await expire()
    const slow = nextProcess({ tab }, options)
    const gate = Promise.withResolvers<void>()
    slow.shop.wire.bend('/oauth2/token', async (request, send) => {
      const answer = await send(request)
      await gate.promise
      return answer
    })
    const late = openTabOf(slow, tab)
    await eventually(() => expect(tokenRequests(slow.shop)).toBe(1))
    await event(tab, shop)
    gate.resolve()
    for (const line of (await late).headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      tab.cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    return { shop, tab, slow }
  }
  const openTabOf = (slow: { tab: Tab }, tab: Tab) => slow.tab.late('/', tab.header()).answer

  test('does not bring back a session that was signed out of', async () => {
    const { tab, slow } = await meanwhile({}, (one) => one.post('/auth/logout'))
    expect(tab.cookies.size).toBe(1) // the tokens came back, and say nothing by themselves
    expect(await seen(tab)).toBeNull()
    expect(await seen(nextProcess({ tab }).tab)).toBeNull()
    expect(await (await slow.tab.late('/', tab.header()).answer).json()).toBeNull()
  })

  test('of the very process that was told of the sign-out meanwhile says so', async () => {
    const { shop, tab } = await signedIn()
    await expire()
    const gate = Promise.withResolvers<void>()
    shop.wire.bend('/oauth2/token', async (request, send) => {
      const answer = await send(request)
      if (tokenRequests(shop) === 2) await gate.promise
      return answer
    })
    const late = tab.late('/', tab.header())
    await eventually(() => expect(tokenRequests(shop)).toBe(2))
    await tab.post('/auth/logout')
    gate.resolve()
    expect(await (await late.answer).json()).toBeNull()
    await late.arrive()
    expect(tab.cookies.size).toBe(0)
  })

  test('does not bring back an earlier user', async () => {
    const { tab, shop } = await meanwhile({}, (one) => bob.signIn(one))
    expect(await seen(nextProcess({ tab }).tab)).toMatchObject({ email: bob.email, stale: false })
    expect(await seen(tab)).toMatchObject({ email: bob.email })
    expect((await tab.get('/token')).status).toBe(200)
    await expire()
    expect(await seen(nextProcess({ tab }).tab)).toMatchObject({ email: bob.email })
    expect(shop.faults).toEqual([])
  })

  test('does not undo a later renewal', async () => {
    const options = { clientId: 'rotating' }
    const { tab } = await meanwhile(options, async (one, shop) => {
      await one.get('/')
      expect(tokenRequests(shop)).toBe(2)
    })
    for (let i = 0; i < 3; i++) {
      expect(await seen(nextProcess({ tab }, options).tab)).toMatchObject({ stale: false })
      await expire()
      expect(await seen(tab)).toMatchObject({ stale: false })
    }
  })
})

describe('cookies stay below what browsers take', () => {
  test('by leaving out an access token that is too long, which costs each process one renewal', async () => {
    const { shop, tab } = await signedIn()
    await expire()
    const long = (to: Shop) =>
      to.wire.bend('/oauth2/token', async (request, send) => {
        const body = (await (await send(request)).json()) as object
        return Response.json({ ...body, access_token: `${tokenRequests(to)}.${'x'.repeat(4000)}` })
      })
    long(shop)
    const renewed = await tab.get('/')
    const [line] = renewed.headers.getSetCookie()
    expect(line?.length).toBeLessThan(4096)
    expect(shop.faults).toEqual([expect.stringMatching(/^an access token of 4002 characters does not fit/)])
    expect([(await (await tab.get('/token')).text()).slice(0, 3), tokenRequests(shop)]).toEqual(['2.x', 2])

    const other = nextProcess({ tab })
    long(other.shop)
    expect([await seen(other.tab), tokenRequests(other.shop)]).toMatchObject([{ email: ana.email, stale: false }, 0])
    for (let i = 0; i < 3; i++) expect((await (await other.tab.get('/token')).text()).slice(0, 3)).toBe('1.x')
    expect(tokenRequests(other.shop)).toBe(1)
    await expire()
    await tab.get('/')
    expect(shop.faults).toHaveLength(1)
  })

  test('by keeping no more than `sub` of claims that are too long, and the app may choose among them', async () => {
    const all = await signedIn({ claims: () => ({ note: 'x'.repeat(5000), sub: 'mallory' }) })
    expect(all.shop.faults).toEqual([expect.stringMatching(/^the claims of an ID token do not fit/)])
    await nextProcess(all).tab.get('/')
    expect(Math.max(...[...all.tab.cookies.values()].map(({ length }) => length))).toBeLessThan(4096)
    const some = await signedIn({ claims: ({ email }) => ({ email }) })
    const next = nextProcess(some)
    expect(await seen(next.tab)).toMatchObject({ email: ana.email })
    expect(Object.keys(next.shop.seen?.session?.claims ?? {}).sort()).toEqual(['email', 'sub'])
  })
})

describe('back-channel logout', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'stand-in', alg: 'ES256', use: 'sig' }
  const event = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const seconds = () => Math.floor(server.clock.now().getTime() / 1000)

  function logoutToken(claims: object, header: object = {}, key: CryptoKey = privateKey) {
    const now = seconds()
    return new SignJWT({
      iss: project.local_origin,
      aud: 'shop',
      iat: now,
      exp: now + 120,
      jti: 'j',
      events: event,
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'stand-in', typ: 'logout+jwt', ...header })
      .sign(key)
  }

  /** A shop to which a stand-in for Headgear may send logout tokens, since it counts among Headgear's keys. */
  async function receiving(options: Partial<Options> = {}) {
    const shop = openShop(server, project, options)
    shop.wire.bend('/oauth2/jwks', async (request, send) => {
      const { keys } = (await (await send(request)).json()) as { keys: object[] }
      return Response.json({ keys: [...keys, jwk] })
    })
    const tab = shop.tab()
    await ana.signIn(tab)
    await tab.get('/')
    return { shop, tab }
  }

  async function told(shop: Shop, token: string | undefined, raw?: { type: string; body: string }) {
    const response = await shop.auth.handle(
      new Request(`${shopOrigin}/auth/backchannel-logout`, {
        method: 'POST',
        headers: { 'content-type': raw?.type ?? 'application/x-www-form-urlencoded' },
        body: raw?.body ?? new URLSearchParams(token === undefined ? {} : { logout_token: token }).toString(),
      }),
    )
    expect(response?.headers.get('cache-control')).toBe('no-store')
    return response?.status
  }

  test('by `sid` drops that session at once, and no other', async () => {
    const one = await receiving()
    const other = nextProcess(await signedIn())
    const { sid } = one.shop.seen?.session ?? {}
    expect(await told(one.shop, await logoutToken({ sid, sub: 'whoever' }))).toBe(200)
    expect([await seen(one.tab), one.tab.cookies.size]).toEqual([null, 0])
    expect(await (await one.tab.late('/', other.tab.header()).answer).json()).toMatchObject({ email: ana.email })
  })

  test('by `sub` drops the sessions that the user had, and none that begins later', async () => {
    const one = await receiving()
    const sub = (await seen(one.tab))?.sub
    const second = one.shop.tab()
    await ana.signIn(second)
    const bobs = one.shop.tab()
    await bob.signIn(bobs)
    expect(await told(one.shop, await logoutToken({ sub }))).toBe(200)
    expect([await seen(one.tab), await seen(second)]).toEqual([null, null])
    expect(await seen(bobs)).toMatchObject({ email: bob.email })
    await server.clock.advance(2000)
    await ana.signIn(one.tab)
    expect(await seen(one.tab)).toMatchObject({ email: ana.email })
  })

  test('is known to every process that shares a denylist', async () => {
    const denylist = memoryDenylist(server.clock.now)
    const one = await receiving({ denylist })
    const other = nextProcess(one, { denylist })
    const alone = nextProcess(one)
    await told(one.shop, await logoutToken({ sid: one.shop.seen?.session?.sid }))
    expect([await seen(other.tab), await seen(alone.tab)]).toMatchObject([null, { email: ana.email }])
  })

  test('from anybody else, or about nothing, is refused', async () => {
    const { shop, tab } = await receiving()
    const { sid, sub } = shop.seen?.session ?? {}
    const stranger = await generateKeyPair('ES256')
    const bad = {
      'another issuer': await logoutToken({ sid, iss: 'https://evil.example' }),
      'another audience': await logoutToken({ sid, aud: 'another' }),
      'an expired token': await logoutToken({ sid, iat: seconds() - 600, exp: seconds() - 300 }),
      'no expiry': await logoutToken({ sid, exp: undefined }),
      'no time': await logoutToken({ sid, iat: undefined }),
      'no jti': await logoutToken({ sid, jti: undefined }),
      'an ID token': await logoutToken({ sid, sub, events: undefined }, { typ: 'JWT' }),
      'another event': await logoutToken({ sid, events: { 'http://schemas.openid.net/event/other': {} } }),
      'an event that is no object': await logoutToken({ sid, events: { [Object.keys(event)[0] as string]: true } }),
      'a nonce': await logoutToken({ sid, nonce: 'n' }),
      'an access token': await logoutToken({ sid }, { typ: 'at+jwt' }),
      'nobody named': await logoutToken({}),
      'another key': await logoutToken({ sid }, {}, stranger.privateKey),
      'another kid': await logoutToken({ sid }, { kid: 'other' }),
      garbage: 'garbage',
      nothing: undefined,
    }
    for (const [what, token] of Object.entries(bad)) expect([what, await told(shop, token)]).toEqual([what, 400])
    const good = await logoutToken({ sid })
    const json = { type: 'application/json', body: JSON.stringify({ logout_token: good }) }
    expect(await told(shop, good, json)).toBe(400)
    const long = { type: 'application/x-www-form-urlencoded', body: `logout_token=${good}&x=${'x'.repeat(70_000)}` }
    expect(await told(shop, good, long)).toBe(400)
    expect(await seen(tab)).toMatchObject({ email: ana.email })
  })

  test('is to be sent again when the keys cannot be had', async () => {
    const { shop, tab } = await signedIn()
    const fresh = nextProcess({ tab })
    fresh.shop.wire.cut('/oauth2/jwks')
    const response = await fresh.shop.auth.handle(
      new Request(`${shopOrigin}/auth/backchannel-logout`, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: await logoutToken({ sub: shop.seen?.session?.sub ?? 'x' }) }),
      }),
    )
    expect(response?.status).toBe(503)
  })
})

test('garbage in the cookies is nobody', async () => {
  const { shop, tab } = await signedIn()
  const names = [...tab.cookies.keys()]
  const values = [...tab.cookies.values()]
  for (const cookies of [
    names.map((name) => `${name}=garbage`),
    names.map((name, i) => `${name}=${values[1 - i]}`),
    [`${names[1]}=${values[1]}`],
  ]) {
    const other = openTab(shopOrigin, (request) =>
      shop.auth.fetch((_, { session }) => Response.json(session ?? null))(request),
    )
    expect(await (await other.late('/', cookies.join('; ')).answer).json()).toBeNull()
  }
})
