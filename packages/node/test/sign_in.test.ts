// The way in: out to Headgear, and back with a session of the app's own.

import { type Headgear, startHeadgear } from 'headgear/testing'
import { generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevelopmentProject } from '../../server/src/dev/projects.ts'
import { headgear, type Options } from '../src/index.ts'
import { locationOf, newPerson, type Person } from './support/person.ts'
import { cookieKey, openShop, shopOrigin, shopProject } from './support/shop.ts'

let server: Headgear
let project: DevelopmentProject
let ana: Person
beforeAll(async () => {
  server = await startHeadgear()
  project = await shopProject(server)
  ana = await newPerson(server, project)
})
afterAll(() => server.stop())

type Payload = Record<string, unknown>
const payloadOf = (jwt: unknown) =>
  JSON.parse(Buffer.from(String(jwt).split('.')[1] ?? '', 'base64url').toString()) as Payload

describe('the five steps', () => {
  /** From a page that needs a session to that page. */
  async function walk() {
    const shop = openShop(server, project)
    const tab = shop.tab()
    const demanded = await tab.get('/members?page=2')
    const out = await tab.get(locationOf(demanded))
    const address = new URL(locationOf(out))
    const back = await ana.answer(address.href)
    const end = await tab.get(back.pathname + back.search)
    return { shop, tab, demanded, out, address, back, end }
  }

  test('S19: lead from the app to Headgear and back, signed in', async () => {
    expect(await (await openShop(server, project).tab().get('/')).json()).toBeNull()
    const { shop, tab, demanded, out, address, back, end } = await walk()
    expect([demanded.status, locationOf(demanded)]).toEqual([
      302,
      `${shopOrigin}/auth/login?return_to=%2Fmembers%3Fpage%3D2`,
    ])
    expect([out.status, out.headers.get('cache-control'), address.origin + address.pathname]).toEqual([
      303,
      'no-store',
      `${project.local_origin}/oauth2/authorize`,
    ])
    expect(Object.fromEntries(address.searchParams)).toEqual({
      response_type: 'code',
      client_id: 'shop',
      redirect_uri: `${shopOrigin}/auth/callback`,
      scope: 'openid offline_access profile email',
      state: expect.stringMatching(/^.{17}\..{43}$/),
      nonce: expect.stringMatching(/^.{43}$/),
      code_challenge: expect.stringMatching(/^.{43}$/),
      code_challenge_method: 'S256',
    })
    expect(back.origin + back.pathname).toBe(`${shopOrigin}/auth/callback`)
    expect([end.status, locationOf(end)]).toEqual([303, `${shopOrigin}/members?page=2`])
    expect(await (await tab.get('/members?page=2')).json()).toMatchObject({ email: ana.email, stale: false })
    expect(shop.faults).toEqual([])
  })

  test('S21: end with a session of the app’s own, sealed in cookies that go to its host alone', async () => {
    const { shop, tab, end } = await walk()
    const lines = end.headers.getSetCookie()
    expect(lines.map((line) => line.replace(/=[^;]*/, '='))).toEqual([
      expect.stringMatching(/^__Host-headgear-signin-[\w-]+=; Path=\/; Max-Age=0; HttpOnly; SameSite=Lax; Secure$/),
      '__Host-headgear=; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure',
      '__Host-headgear-tokens=; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure',
    ])
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(4096)
    await tab.get('/')
    const session = shop.seen?.session
    expect(session?.sid).toEqual(expect.any(String))
    expect(session?.claims).toMatchObject({
      sub: session?.sub,
      email: ana.email,
      email_verified: true,
      amr: ['pwd', 'x_primary_password'],
    })
    for (const ofTheProtocol of ['iss', 'aud', 'exp', 'nonce', 'at_hash'])
      expect(session?.claims).not.toHaveProperty(ofTheProtocol)
    const token = (await session?.accessToken()) ?? ''
    for (const secret of [token, String(payloadOf(token).sub), ana.email])
      expect(Buffer.from([...tab.cookies.values()].join(), 'base64url').toString('latin1')).not.toContain(secret)
  })

  test('S20: get the tokens at /oauth2/token, by the client’s secret, or by PKCE alone where it has none', async () => {
    for (const [clientId, basic] of [
      ['shop', true],
      ['public', false],
    ] as const) {
      const shop = openShop(server, project, { clientId })
      const sent: Request[] = []
      shop.wire.bend('/oauth2/token', (request, send) => {
        sent.push(request.clone())
        return send(request)
      })
      const tab = shop.tab()
      await ana.signIn(tab)
      expect(await (await tab.get('/')).json()).toMatchObject({ sub: expect.any(String) })
      const [request] = sent
      expect(request?.headers.get('authorization')?.startsWith('Basic ') ?? false).toBe(basic)
      expect(new URLSearchParams(await request?.text()).get('code_verifier')).toHaveLength(43)
    }
  })

  test('work for several tabs of one browser at once', async () => {
    const tab = openShop(server, project).tab()
    const [first, second] = [await tab.get('/auth/login?return_to=/a'), await tab.get('/auth/login?return_to=/b')]
    const [toFirst, toSecond] = [await ana.answer(locationOf(first)), await ana.answer(locationOf(second))]
    expect(locationOf(await tab.get(`/auth/callback${toSecond.search}`))).toBe(`${shopOrigin}/b`)
    expect(locationOf(await tab.get(`/auth/callback${toFirst.search}`))).toBe(`${shopOrigin}/a`)
    expect(await (await tab.get('/')).json()).toMatchObject({ email: ana.email })
  })

  test('leave no more than five attempts in the browser, the newest', async () => {
    const tab = openShop(server, project).tab()
    const attempts: Response[] = []
    for (let i = 0; i < 9; i++) {
      attempts.push(await tab.get('/auth/login'))
      await server.clock.advance(1)
    }
    expect(tab.cookies.size).toBe(5)
    for (const oldest of attempts.slice(0, 4)) {
      const [name] = new URL(locationOf(oldest)).searchParams.get('state')?.split('.') ?? []
      expect(tab.cookies.has(`__Host-headgear-signin-${name}`)).toBe(false)
    }
    await ana.answer(locationOf(attempts[8] as Response)).then(({ search }) => tab.get(`/auth/callback${search}`))
    expect(await (await tab.get('/')).json()).toMatchObject({ email: ana.email })
  })

  test('carry more parameters when the app has them', async () => {
    const shop = openShop(server, project, { scopes: ['email'], authorizationParameters: { ui_locales: 'zh-TW' } })
    const of = (response: Response) => new URL(locationOf(response)).searchParams
    const plain = of(await shop.tab().get('/auth/login?x_page=signup&prompt=none&state=mine&client_id=other'))
    expect(Object.fromEntries(plain)).toMatchObject({
      scope: 'openid offline_access email',
      ui_locales: 'zh-TW',
      x_page: 'signup',
      client_id: 'shop',
    })
    expect([plain.get('prompt'), plain.get('state') === 'mine']).toEqual([null, false])
    const request = new Request(`${shopOrigin}/checkout`)
    const again = of(await shop.auth.signIn(request, { parameters: { prompt: 'login', nonce: 'mine' } }))
    expect([again.get('prompt'), again.get('nonce') === 'mine']).toEqual(['login', false])
  })

  test('hold the user to the age of their sign-in that the app asked for', async () => {
    const shop = openShop(server, project)
    const tab = shop.tab()
    const sealed = await shop.auth.signIn(new Request(shopOrigin), { parameters: { max_age: '600' } })
    const [pair = ''] = sealed.headers.getSetCookie()[0]?.split(';') ?? []
    tab.cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    // Whoever forwards the request without max_age gets an old sign-in, and no further.
    await server.clock.advance(700_000)
    const bent = new URL(locationOf(sealed))
    bent.searchParams.delete('max_age')
    const back = await ana.answer(bent.href)
    expect((await tab.get(`/auth/callback${back.search}`)).status).toBe(400)
    expect(await (await tab.get('/')).json()).toBeNull()
  })
})

test.each([
  ['//evil.example/', '/'],
  ['/.//evil.example/', '//evil.example/'],
  ['/members?next=https://evil.example#top', '/members?next=https://evil.example#top'],
])('return_to=%s leads to %s of the app itself', async (returnTo, path) => {
  const tab = openShop(server, project).tab()
  const end = await ana.signIn(tab, `/auth/login?${new URLSearchParams({ return_to: returnTo })}`)
  expect(locationOf(end)).toBe(shopOrigin + path)
})

describe('a callback is refused', () => {
  /** Begun by one browser, answered by Headgear. */
  async function begun(options: Partial<Options> = {}) {
    const shop = openShop(server, project, options)
    const tab = shop.tab()
    const back = await ana.answer(locationOf(await tab.get('/auth/login?return_to=/members')))
    return { shop, tab, search: back.search }
  }
  const refused = async ({ shop, tab, search }: Awaited<ReturnType<typeof begun>>, why: RegExp | string) => {
    const response = await tab.get(`/auth/callback${search}`)
    expect([response.status, response.headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8'])
    expect(await response.text()).toContain('/auth/login?return_to=')
    expect(shop.faults.join()).toMatch(why)
    expect(await (await tab.get('/')).json()).toBeNull()
  }

  test('in a browser that did not begin it', async () => {
    const { shop, search } = await begun()
    await refused({ shop, tab: shop.tab(), search }, /did not begin/)
  })

  test('for the attempt of another app or another time', async () => {
    const one = await begun()
    const other = openShop(server, project, { cookieKeys: ['another secret of the same length as that of the shop'] })
    const tab = other.tab()
    for (const [name, value] of one.tab.cookies) tab.cookies.set(name, value)
    await refused({ shop: other, tab, search: one.search }, /did not begin/)
    const late = await begun()
    await server.clock.advance(1_801_000)
    await refused(late, /too long ago/)
  })

  test.each([
    ['another state', (query: URLSearchParams) => query.set('state', `${query.get('state')?.split('.')[0]}.other`)],
    ['another issuer (RFC 9207)', (query: URLSearchParams) => query.set('iss', 'https://evil.example')],
    ['no issuer', (query: URLSearchParams) => query.delete('iss')],
    ['two codes', (query: URLSearchParams) => query.append('code', 'another')],
    ['another code', (query: URLSearchParams) => query.set('code', 'x'.repeat(32))],
    ['no code', (query: URLSearchParams) => query.delete('code')],
  ])('with %s', async (_, change) => {
    const one = await begun()
    const query = new URLSearchParams(one.search)
    change(query)
    await refused({ ...one, search: `?${query}` }, /./)
  })

  test('when the code has been used', async () => {
    const one = await begun()
    const cookies = new Map(one.tab.cookies)
    await one.tab.get(`/auth/callback${one.search}`)
    expect(await (await one.tab.get('/')).json()).toMatchObject({ email: ana.email })
    const copy = one.shop.tab()
    for (const [name, value] of cookies) copy.cookies.set(name, value)
    await refused({ ...one, tab: copy }, 'invalid authorization code')
  })

  test.each<[string, (claims: Payload) => Payload]>([
    ['another nonce', (claims) => ({ ...claims, nonce: 'another' })],
    ['no nonce', ({ nonce: _, ...claims }) => claims],
    ['another audience', (claims) => ({ ...claims, aud: ['another'] })],
    ['another issuer', (claims) => ({ ...claims, iss: 'https://evil.example' })],
    ['an old expiry', (claims) => ({ ...claims, exp: Number(claims.iat) - 100 })],
    ['a signature that is not Headgear’s', (claims) => claims],
  ])('when the ID token has %s', async (_, change) => {
    const { privateKey } = await generateKeyPair('RS256')
    const one = await begun()
    one.shop.wire.bend('/oauth2/token', async (request, send) => {
      const body = (await (await send(request)).json()) as Payload
      const [head = ''] = String(body.id_token).split('.')
      const header = JSON.parse(Buffer.from(head, 'base64url').toString())
      const id_token = await new SignJWT(change(payloadOf(body.id_token))).setProtectedHeader(header).sign(privateKey)
      return Response.json({ ...body, id_token })
    })
    await refused(one, /./)
  })

  test('with what Headgear says of it, and the attempt is over', async () => {
    const one = await begun()
    const query = new URLSearchParams(one.search)
    query.delete('code')
    query.set('error', 'access_denied')
    query.set('error_description', '<script>alert(1)</script>')
    const response = await one.tab.get(`/auth/callback?${query}`)
    const page = await response.text()
    expect([response.status, page.includes('<script>'), one.tab.cookies.size]).toEqual([400, false, 0])
    expect(page).toContain('/auth/login?return_to=%2Fmembers')
  })

  test('by a page of the app’s own, where it has one', async () => {
    const one = await begun({ failed: (error, again) => Response.json({ name: error.name, again }, { status: 418 }) })
    const query = new URLSearchParams(one.search)
    query.set('iss', 'https://evil.example')
    const response = await one.tab.get(`/auth/callback?${query}`)
    expect([response.status, await response.json()]).toEqual([
      418,
      { name: 'SignInError', again: '/auth/login?return_to=%2Fmembers' },
    ])
    expect(one.tab.cookies.size).toBe(0)
  })
})

describe('when Headgear cannot be reached', () => {
  test('a sign-in says so, and may be tried again', async () => {
    const shop = openShop(server, project)
    const tab = shop.tab()
    shop.wire.cut()
    const response = await tab.get('/auth/login?return_to=/members')
    expect([response.status, tab.cookies.size]).toEqual([503, 0])
    expect(await response.text()).toContain('/auth/login?return_to=%2Fmembers')
    shop.wire.mend()
    await ana.signIn(tab)
    expect(await (await tab.get('/')).json()).toMatchObject({ email: ana.email })
  })

  test.each([
    ['nothing gets through', new TypeError('fetch failed')],
    ['it does not answer in time', new DOMException('', 'TimeoutError')],
    ['it answers 503', 503],
    ['it answers 429', 429],
  ])('a callback can be loaded again: %s', async (_, answer) => {
    const shop = openShop(server, project)
    const tab = shop.tab()
    const { search } = await ana.answer(locationOf(await tab.get('/auth/login')))
    shop.wire.bend('/oauth2/token', async () => {
      if (typeof answer === 'number') return Response.json({ error: 'busy' }, { status: answer })
      throw answer
    })
    expect((await tab.get(`/auth/callback${search}`)).status).toBe(503)
    shop.wire.mend()
    expect((await tab.get(`/auth/callback${search}`)).status).toBe(303)
    expect(await (await tab.get('/')).json()).toMatchObject({ email: ana.email })
  })
})

test('a callback that is loaded again by who is signed in leads home', async () => {
  const tab = openShop(server, project).tab()
  const { search } = await ana.answer(locationOf(await tab.get('/auth/login?return_to=/members')))
  await tab.get(`/auth/callback${search}`)
  expect(locationOf(await tab.get(`/auth/callback${search}`))).toBe(`${shopOrigin}/`)
})

test('a demand for a session answers programs with 401', async () => {
  const tab = openShop(server, project).tab()
  const response = await tab.get('/members', { accept: 'application/json' })
  expect([response.status, await response.json()]).toEqual([401, { error: 'unauthorized' }])
  expect((await tab.post('/members')).status).toBe(401)
})

test('the addresses of sign-in answer to their methods alone', async () => {
  const tab = openShop(server, project).tab()
  for (const [path, allow] of [
    ['/auth/login', 'GET'],
    ['/auth/callback', 'GET'],
  ] as const) {
    const response = await tab.post(path)
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
  }
  expect((await tab.get('/auth/backchannel-logout')).status).toBe(405)
})

describe('cookie keys', () => {
  const [old, young] = ['an old secret that was used until now, yes', 'a young secret that takes over in its place']

  test('can be exchanged one by one, and nobody is signed out', async () => {
    const tab = openShop(server, project, { cookieKeys: [old] }).tab()
    await ana.signIn(tab)
    const cookies = new Map(tab.cookies)
    const seenBy = async (...cookieKeys: string[]) => {
      const later = openShop(server, project, { cookieKeys }).tab()
      for (const [name, value] of cookies) later.cookies.set(name, value)
      const seen = await (await later.get('/')).json()
      expect(later.cookies).toEqual(cookies) // what one process cannot read, another may
      return seen
    }
    expect(await seenBy(old, young)).toMatchObject({ email: ana.email })
    expect(await seenBy(young, old)).toMatchObject({ email: ana.email })
    expect(await seenBy(young)).toBeNull()
  })

  test('must be there, and be long', () => {
    const options = { issuer: project.local_origin, clientId: 'shop', clientSecret: 's', origin: shopOrigin }
    for (const cookieKeys of [[], ['short'], [cookieKey, ''], [undefined], [cookieKey, undefined]])
      expect(() => headgear({ ...options, cookieKeys })).toThrow(/cookieKeys/)
  })
})

test('on http, which only this machine may use, cookies do without the prefix that needs TLS', async () => {
  const tab = openShop(server, project, { origin: 'http://localhost:8765', cookieName: 'shop' }).tab()
  const [line] = (await tab.get('/auth/login')).headers.getSetCookie()
  expect(line).toMatch(/^shop-signin-[\w-]+=[\w.-]+; Path=\/; Max-Age=1800; HttpOnly; SameSite=Lax$/)
})

test.each<[string, object]>([
  ['origin', { origin: 'http://shop.example.net' }],
  ['origin', { origin: 'https://shop.example.net/path' }],
  ['issuer', { issuer: 'http://identity.example.net' }],
  ['clientId', { clientId: '' }],
  ['clientSecret', { clientSecret: '' }],
  ['clientSecret', { clientSecret: undefined }],
  ['clientSecret', { publicClient: true }],
  ['cookieName', { cookieName: 'a;b' }],
  ['login', { paths: { login: '//evil.example' } }],
  ['afterLogout', { afterLogout: 'https://evil.example' }],
])('a %s that would be unsafe or cannot work is refused at the start: %j', (name, options) => {
  const good = {
    issuer: project.local_origin,
    clientId: 'shop',
    clientSecret: 'secret',
    origin: shopOrigin,
    cookieKeys: [cookieKey],
  }
  expect(() => headgear(good)).not.toThrow()
  expect(() => headgear({ ...good, ...options })).toThrow(new RegExp(`^${name}`))
})
