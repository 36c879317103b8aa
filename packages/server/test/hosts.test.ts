// What a request says about its host, and what a neighbour under the same root domain can do: nothing is believed that
// a proxy was not trusted to say, and nothing of one project is worth anything at another.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { type PlainBrowser, plainBrowser } from './support/browser.ts'
import { fetchByName } from './support/by_name.ts'
import { headgear } from './support/store.ts'

const evil = 'evil.test'
const password = 'correct horse battery'

const projectAt = (origin: string, http: object = {}) => ({
  http: { public_origin: origin, ...http },
  identity: { login_id: { keys: [{ type: 'username' }] } },
  authentication: { identities: ['login_id'], primary_authenticators: ['password'] },
  oauth: {
    clients: [
      { client_id: 'app', name: 'App', x_application_type: 'spa', redirect_uris: ['https://app.example.test/'] },
    ],
  },
})

const asked = (server: Headgear, origin: string, path: string, headers: Record<string, string> = {}) =>
  fetchByName(server.origin, new URL(path, origin), { headers: { accept: 'text/html', ...headers } })

/** Everything that a request without a session may be answered by. */
const doors = [
  '/.well-known/openid-configuration',
  '/',
  '/login',
  '/signup',
  '/settings',
  '/oauth2/authorize?client_id=app&response_type=none&scope=openid&redirect_uri=https://app.example.test/',
  '/oauth2/authorize?client_id=app&response_type=none&scope=openid&redirect_uri=https://evil.test/',
  '/oauth2/end_session?post_logout_redirect_uri=https://evil.test/',
  '/OAuth2/Authorize',
  '/settings/',
  '/no/such/page',
]

/** All that a browser acts on, without what a test's own question puts there. */
async function wordsOf(answer: Response): Promise<string> {
  const cookies = answer.headers.getSetCookie().join('\n')
  return `${answer.headers.get('location')}\n${cookies}\n${await answer.text()}`
}

describe('a request from anybody', () => {
  const [mine, theirs] = ['https://identity.mine.test', 'https://identity.theirs.test']
  let server: Headgear
  beforeAll(async () => {
    server = await headgear()
    for (const origin of [mine, theirs]) await server.project(projectAt(origin))
  })
  afterAll(() => server.stop())

  test('is for the host that it was sent to, whatever it says of others', async () => {
    for (const other of [evil, 'identity.theirs.test'])
      for (const headers of [
        { 'x-forwarded-host': other },
        { 'x-original-host': other },
        { forwarded: `host=${other};proto=http` },
        {
          'x-forwarded-host': other,
          'x-forwarded-proto': 'http',
          'x-forwarded-port': '81',
          'x-forwarded-prefix': '/x',
        },
        { 'x-host': other, 'x-forwarded-server': other, 'x-original-url': '/x', 'x-rewrite-url': '/x' },
      ] as Record<string, string>[])
        for (const path of doors) {
          const [plain, claiming] = [await asked(server, mine, path), await asked(server, mine, path, headers)]
          expect([path, claiming.status]).toEqual([path, plain.status])
          const to = (answer: Response) => answer.headers.get('location')?.replace(/(x_ref|x_step)=[^&]*/g, '')
          expect([path, to(claiming)]).toEqual([path, to(plain)])
          const words = await wordsOf(claiming)
          expect([path, words.includes('identity.theirs.test')]).toEqual([path, false])
          if (!path.includes(evil)) expect([path, words.includes(evil)]).toEqual([path, false])
        }
  })
})

describe('a request through a trusted proxy', () => {
  const origin = 'https://identity.mine.test'
  let server: Headgear
  beforeAll(async () => {
    server = await headgear({ trustProxy: ['127.0.0.1', '::1'] })
    await server.project(projectAt(origin))
  })
  afterAll(() => server.stop())

  test.each([
    evil,
    `${evil}, identity.mine.test`,
    `identity.mine.test@${evil}`,
    `identity.mine.test.${evil}`,
    `identity.mine.test/${evil}`,
    `identity.mine.test#.${evil}`,
    '[::1',
    ' ',
  ])('for the host %j is nobody’s', async (host) => {
    for (const path of doors) {
      const answer = await asked(server, origin, path, { 'x-forwarded-host': host })
      expect([path, answer.status, answer.headers.get('location')]).toEqual([path, 404, null])
      expect(answer.headers.getSetCookie()).toEqual([])
    }
  })

  test('has secure cookies and the configured scheme, whatever the proxy speaks', async () => {
    for (const proto of ['http', 'https', 'javascript', 'https, http', '']) {
      const through = { 'x-forwarded-host': 'identity.mine.test', 'x-forwarded-proto': proto }
      const discovery = await asked(server, 'http://10.1.2.3', '/.well-known/openid-configuration', through)
      expect(((await discovery.json()) as { issuer: string }).issuer).toBe(origin)
      const entry = await asked(server, 'http://10.1.2.3', '/login', through)
      expect(new URL(entry.headers.get('location') ?? '', origin).origin).toBe(origin)
      for (const line of entry.headers.getSetCookie()) expect(line).toMatch(/; Secure/)
    }
  })
})

describe('two projects under one root domain', () => {
  let server: Headgear
  beforeAll(async () => {
    server = await headgear()
  })
  afterAll(() => server.stop())

  let serial = 0
  async function signedIn(origin: string): Promise<PlainBrowser> {
    const browser = plainBrowser({ local_origin: origin }, { names: { origins: [origin], at: server.origin } })
    await browser.open('/signup')
    await browser.send({ x_login_id: `ana${++serial}` })
    await browser.send({ x_password: password, x_confirm_password: password })
    expect(browser.page.url.pathname).toBe('/settings')
    return browser
  }
  const cookie = (...browsers: PlainBrowser[]) =>
    browsers.flatMap(({ cookies }) => [...cookies].map(([name, value]) => `${name}=${value}`)).join('; ')
  const resolved = async (origin: string, cookies: string) => {
    const answer = await asked(server, origin, '/_resolver/resolve', { cookie: cookies })
    const name = (part: string) => answer.headers.get(`x-authgear-${part}`)
    return { valid: name('session-valid'), user: name('user-id'), cleared: answer.headers.get('set-cookie') }
  }

  test('live side by side in one browser, each with a cookie prefix of its own', async () => {
    const [one, two] = ['https://identity.shared.test', 'https://login.shared.test']
    await server.project(projectAt(one, { cookie_prefix: 'one_' }))
    await server.project(projectAt(two, { cookie_prefix: 'two_' }))
    const [first, second] = [await signedIn(one), await signedIn(two)]
    const both = cookie(first, second)
    const [mine, theirs] = [await resolved(one, both), await resolved(two, both)]
    expect([mine.valid, mine.cleared, theirs.valid, theirs.cleared]).toEqual(['true', null, 'true', null])
    expect(mine.user).not.toBe(theirs.user)

    await first.open('/logout')
    await first.send({}, { form: { action: 'logout' } })
    await server.node.log.poll()
    expect(await resolved(one, both)).toMatchObject({
      valid: 'false',
      cleared: expect.stringMatching(/^one_session=;/),
    })
    expect(await resolved(two, both)).toEqual(theirs)
  })

  test('know nobody by each other’s cookies, though they arrive under one name', async () => {
    const [one, two] = ['https://identity.same.test', 'https://login.same.test']
    for (const origin of [one, two]) await server.project(projectAt(origin))
    const [first, second] = [await signedIn(one), await signedIn(two)]
    expect(await resolved(two, cookie(first))).toMatchObject({ valid: 'false', user: null })
    const answer = await asked(server, two, '/settings', { cookie: cookie(first) })
    expect([answer.status, new URL(answer.headers.get('location') ?? '', two).pathname]).toEqual([302, '/'])
    for (const cookies of [cookie(first, second), cookie(second, first)]) {
      const [mine, theirs] = [await resolved(one, cookies), await resolved(two, cookies)]
      expect([mine.valid, theirs.valid, mine.user === theirs.user]).toEqual(['true', 'true', false])
    }
  })
})
