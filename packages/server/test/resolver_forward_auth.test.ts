// `?deny=redirect`, as Caddy and Traefik ask: turned away means sent to sign in, and back to where one was going.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DevelopmentProject } from '../src/dev/projects.ts'
import type { Headgear } from '../src/testing.ts'
import { plainBrowser } from './support/browser.ts'
import { headgear } from './support/store.ts'

const page = 'https://shop.example.test/orders/7?tab=a&b=c%20d'
let server: Headgear
let made: DevelopmentProject
beforeAll(async () => {
  server = await headgear({ trustProxy: ['127.0.0.1', '::1'] })
  made = await server.project({
    identity: { login_id: { keys: [{ type: 'username' }] } },
    authentication: { identities: ['login_id'], primary_authenticators: ['password'] },
    oauth: {
      clients: [
        {
          client_id: 'shop',
          name: 'Shop',
          x_application_type: 'traditional_webapp',
          redirect_uris: ['https://shop.example.test/'],
          post_logout_redirect_uris: ['https://shop.example.test/'],
        },
        {
          client_id: 'guest',
          name: 'Guest',
          client_name: 'Guest',
          x_application_type: 'third_party_app',
          redirect_uris: ['https://guest.example.test/'],
        },
      ],
    },
  })
})
afterAll(() => server.stop())

/** Asks as a forward-auth proxy does: our own name in `Host`, the app's in the forwarding headers. */
function ask(changed: Record<string, string | undefined> = {}, at = made.local_origin, deny = 'redirect') {
  const url = new URL(changed.url ?? page)
  const headers: Record<string, string | undefined> = {
    accept: 'text/html,application/xhtml+xml',
    'x-forwarded-method': 'GET',
    'x-forwarded-proto': url.protocol.slice(0, -1),
    'x-forwarded-host': url.host,
    'x-forwarded-uri': url.pathname + url.search,
    ...changed,
    url: undefined,
  }
  const given = Object.entries(headers).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return fetch(`${at}/_resolver/resolve?deny=${deny}`, { redirect: 'manual', headers: given })
}

test('who is not signed in is sent to sign in, and from there to the very page', async () => {
  const denied = await ask()
  expect(denied.status).toBe(302)
  const to = new URL(denied.headers.get('location') ?? '')
  expect([to.origin, to.pathname, to.searchParams.get('redirect_uri')]).toEqual([made.local_origin, '/', page])

  const browser = plainBrowser(made)
  await browser.open(to.href)
  expect(browser.page.headers.get('content-security-policy')).toContain("form-action 'self' https:")
  await browser.send({ x_login_id: 'ana' })
  await browser.send({ x_password: 'correct horse battery', x_confirm_password: 'correct horse battery' })
  expect(browser.page.url.href).toBe(page)
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  for (let time = 0; time < 2; time++) {
    const known = await ask({ cookie })
    expect([known.status, known.headers.get('x-authgear-session-valid')]).toEqual([200, 'true'])
  }
  // Signed in, the same address leads straight back.
  await browser.open(to.href)
  expect(browser.page.url.href).toBe(page)
})

test('clears a stale session cookie on the way', async () => {
  const project = await server.node.directory.byId(made.id)
  const prefix = project?.origins.at(-1)?.cookiePrefix
  const denied = await ask({ cookie: `${prefix}session=stale` })
  expect(denied.headers.get('set-cookie')).toMatch(/session=;.*1970/)
})

test('nobody is sent away in the middle of a form or a call by script', async () => {
  for (const changed of [
    { 'x-forwarded-method': 'POST' },
    { 'x-forwarded-method': 'DELETE' },
    { accept: 'application/json' },
    { accept: undefined },
  ]) {
    const denied = await ask(changed)
    expect([changed, denied.status, denied.headers.get('location')]).toEqual([changed, 401, null])
  }
})

test('nobody is sent to an address of no app, whatever the headers say', async () => {
  for (const url of [
    'https://evil.test/',
    'http://shop.example.test/',
    'https://shop.example.test:444/',
    'https://sub.shop.example.test/',
    'https://guest.example.test/elsewhere',
  ])
    expect([url, (await ask({ url })).status]).toEqual([url, 401])
  for (const changed of [
    { 'x-forwarded-host': 'shop.example.test@evil.test' },
    { 'x-forwarded-host': 'shop.example.test.evil.test' },
    { 'x-forwarded-uri': '@evil.test/' },
    { 'x-forwarded-uri': '.evil.test/' },
    { 'x-forwarded-uri': undefined },
    { 'x-forwarded-proto': 'javascript' },
  ]) {
    const denied = await ask(changed)
    expect([changed, denied.status, denied.headers.get('location')]).toEqual([changed, 401, null])
  }
})

test('only a trusted proxy says what was asked for', async () => {
  const other = await headgear()
  try {
    const there = await other.project({
      oauth: { clients: [{ client_id: 'shop', name: 'Shop', redirect_uris: [page] }] },
    })
    expect((await ask({}, there.local_origin)).status).toBe(401)
  } finally {
    await other.stop()
  }
})

test('other words after `deny=` change nothing', async () => {
  for (const deny of ['', '302', 'true', 'Redirect']) expect((await ask({}, made.local_origin, deny)).status).toBe(200)
  expect((await ask({}, made.local_origin, '401')).status).toBe(401)
})
