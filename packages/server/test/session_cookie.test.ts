// The session cookie among others of its name: from an earlier cookie domain, or planted by a sibling host.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevelopmentProject } from '../src/dev/projects.ts'
import type { Headgear } from '../src/testing.ts'
import { plainBrowser } from './support/browser.ts'
import { fetchByName } from './support/by_name.ts'
import { headgear } from './support/store.ts'

const origin = 'https://identity.shop.example.test'
let server: Headgear
let project: DevelopmentProject
let cookie: string
beforeAll(async () => {
  server = await headgear()
  project = await server.project({
    http: { public_origin: origin },
    identity: { login_id: { keys: [{ type: 'username' }] } },
    authentication: { identities: ['login_id'], primary_authenticators: ['password'] },
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
