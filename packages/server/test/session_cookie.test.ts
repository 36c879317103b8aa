// The session cookie among others of its name: from an earlier cookie domain, or planted by a sibling host.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevelopmentProject } from '../src/dev/projects.ts'
import type { Headgear } from '../src/testing.ts'
import { formsOf, plainBrowser } from './support/browser.ts'
import { fetchByName } from './support/by_name.ts'
import { headgear } from './support/store.ts'

const origin = 'https://identity.shop.example.test'
const app = 'https://orders.shop.example.test/'
let server: Headgear
let project: DevelopmentProject
let cookie: string
beforeAll(async () => {
  server = await headgear()
  project = await server.project({
    http: { public_origin: origin },
    identity: { login_id: { keys: [{ type: 'username' }] } },
    authentication: { identities: ['login_id'], primary_authenticators: ['password'] },
    oauth: {
      clients: [
        {
          client_id: 'orders',
          name: 'Orders',
          x_application_type: 'traditional_webapp',
          redirect_uris: [app],
          post_logout_redirect_uris: [app],
        },
      ],
    },
  })
  const browser = plainBrowser(project, { names: { origins: [origin], at: server.origin } })
  await browser.open('/signup')
  await browser.send({ x_login_id: 'ana' })
  await browser.send({ x_password: 'correct horse battery', x_confirm_password: 'correct horse battery' })
  expect(browser.page.url.pathname).toBe('/settings')
  cookie = browser.cookies.get('session') ?? ''
})
afterAll(() => server.stop())

async function settings(cookies: string) {
  const answer = await fetchByName(server.origin, new URL('/settings', origin), {
    headers: { cookie: cookies, accept: 'text/html' },
  })
  const lines = answer.headers.getSetCookie().filter((line) => line.startsWith('session='))
  const domainOf = (line: string) => /Domain=([^;]+)/.exec(line)?.[1] ?? 'this host'
  return {
    signedIn: answer.status === 200,
    cleared: lines.filter((line) => line.includes('1970')).map(domainOf),
    set: lines.filter((line) => !line.includes('1970')).map((line) => [line.split(';')[0], domainOf(line)]),
  }
}

describe('an app under the root domain', () => {
  const open = () => plainBrowser(project, { names: { origins: [origin], at: server.origin } })
  const request = { client_id: 'orders', response_type: 'none', scope: 'openid', redirect_uri: app, state: 'mine' }
  const authorize = (more: Record<string, string> = {}) =>
    `/oauth2/authorize?${new URLSearchParams({ ...request, ...more })}`
  const signUp = async (browser: ReturnType<typeof open>, name: string) => {
    await browser.send({ x_login_id: name })
    return browser.send({ x_password: 'correct horse battery', x_confirm_password: 'correct horse battery' })
  }

  test('S16: signs people in by a redirect to /oauth2/authorize, which exchanges nothing', async () => {
    const browser = open()
    await browser.open(authorize({ prompt: 'create' }))
    expect([browser.page.url.origin, browser.page.url.pathname]).toEqual([origin, '/signup'])
    await signUp(browser, 'bob')
    expect(browser.page.url.href).toBe(`${app}?state=mine`)
    await browser.open(`${origin}${authorize({ prompt: 'none' })}`)
    expect(browser.page.way).toEqual([expect.stringMatching(/^\/oauth2\/authorize\?/), `${app}?state=mine`])
  })

  test('S17: gets them back with a session cookie that the whole domain shares', async () => {
    const browser = open()
    await browser.open(authorize({ prompt: 'create' }))
    await browser.send({ x_login_id: 'eve' })
    expect(browser.cookies.has('session')).toBe(false)
    const fields = { x_password: 'correct horse battery', x_confirm_password: 'correct horse battery' }
    const form = formsOf(browser.page.html).find(({ fields }) => fields.has('x_password'))
    const answer = await fetchByName(server.origin, browser.page.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      },
      body: new URLSearchParams({ ...Object.fromEntries(form?.fields ?? []), ...fields }).toString(),
    })
    const cookies = answer.headers.getSetCookie()
    expect(cookies).toContainEqual(
      expect.stringMatching(
        /^session=[\w-]{46}; Path=\/; Domain=shop.example.test; Max-Age=31449600; HttpOnly; Secure; SameSite=Lax$/,
      ),
    )
    const [pair = ''] = cookies.find((line) => line.startsWith('session='))?.split(';') ?? []
    browser.cookies.set('session', pair.slice('session='.length))
    await browser.open(answer.headers.get('location') ?? '')
    expect(browser.page.url.href).toBe(`${app}?state=mine`)
  })
})

describe('a session cookie', () => {
  test('belongs to the widest domain that its apps share, and is small', () => {
    expect(cookie).toHaveLength(46)
    expect(`session=${cookie}`.length).toBeLessThan(100)
  })

  test('alone is left alone', async () => {
    expect(await settings(`session=${cookie}`)).toEqual({ signedIn: true, cleared: [], set: [] })
  })

  test.each([
    ['before', (good: string) => `session=stale; session=${good}`],
    ['after', (good: string) => `session=${good}; session=stale`],
    ['all around', (good: string) => `session=a; session=b; session=${good}; session=c`],
  ])('is found with others %s it, and they go', async (_, cookies) => {
    expect(await settings(cookies(cookie))).toEqual({
      signedIn: true,
      cleared: ['this host', 'identity.shop.example.test', 'example.test'],
      set: [[`session=${cookie}`, 'shop.example.test']],
    })
  })

  test('that is worth nothing goes from wherever it may be, and sign-in is asked once', async () => {
    const stale = await settings('session=stale')
    expect(stale).toEqual({
      signedIn: false,
      cleared: ['this host', 'identity.shop.example.test', 'example.test', 'shop.example.test'],
      set: [],
    })
  })

  test('is known to the resolver among others, too', async () => {
    const answer = await fetchByName(server.origin, new URL('/_resolver/resolve', origin), {
      headers: { cookie: `session=stale; session=${cookie}` },
    })
    expect(answer.headers.get('x-authgear-session-valid')).toBe('true')
  })
})
