// A project with several origins: each an issuer with its own cookies, one sign-in for all.
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevelopmentProject } from '../src/dev/projects.ts'
import type { Headgear } from '../src/testing.ts'
import { type PlainBrowser, plainBrowser } from './support/browser.ts'
import { fetchByName } from './support/by_name.ts'
import { headgear } from './support/store.ts'

const hub = 'http://identity.example.test'
const other = 'http://login.other.test'
const third = 'http://id.third.test'
const callback = 'http://notes.elsewhere.test/cb'
const password = 'correct horse battery'

let server: Headgear
let project: DevelopmentProject
beforeAll(async () => {
  server = await headgear()
  project = await server.project({
    http: { public_origin: hub, alternate_origins: [other, third] },
    identity: { login_id: { keys: [{ type: 'username' }] } },
    authentication: { identities: ['login_id'], primary_authenticators: ['password'] },
    oauth: {
      clients: [
        { client_id: 'notes', name: 'Notes', x_application_type: 'spa', redirect_uris: [callback] },
        {
          client_id: 'jwt',
          name: 'JWT',
          x_application_type: 'spa',
          redirect_uris: [callback],
          issue_jwt_access_token: true,
        },
      ],
    },
  })
})
afterAll(() => server.stop())

const open = () => plainBrowser(project, { names: { origins: [hub, other, third], at: server.origin } })

const authorize = (origin: string, more: Record<string, string | undefined> = {}) => {
  const all: Record<string, string | undefined> = {
    client_id: 'notes',
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid offline_access',
    code_challenge_method: 'S256',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    state: 'st',
    ...more,
  }
  const given = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return `${origin}/oauth2/authorize?${new URLSearchParams(given)}`
}

let serial = 0
/** Signs up wherever the browser stands at a sign-up or sign-in page. */
async function signUp(browser: PlainBrowser): Promise<void> {
  await browser.send({ x_login_id: `ana${++serial}` })
  await browser.send({ x_password: password, x_confirm_password: password })
}

type Tokens = { id_token: string; access_token: string; refresh_token: string }

async function tokenRequest(origin: string, form: Record<string, string>): Promise<Tokens> {
  const response = await fetchByName(server.origin, new URL('/oauth2/token', origin), {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  })
  return (await response.json()) as Tokens
}

/** Redeems the code in the address that the browser has come to. */
const token = (origin: string, browser: PlainBrowser, client_id = 'notes') =>
  tokenRequest(origin, {
    grant_type: 'authorization_code',
    client_id,
    code: browser.page.url.searchParams.get('code') ?? '',
    redirect_uri: callback,
    code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  })

async function resolves(browser: PlainBrowser, origin: string): Promise<string | null> {
  const cookie = [...browser.cookiesOf(origin)].map(([name, value]) => `${name}=${value}`).join('; ')
  const url = new URL('/_resolver/resolve', origin)
  const response = await fetchByName(server.origin, url, { headers: { cookie } })
  return response.headers.get('x-authgear-user-id')
}

describe('several origins of one project', () => {
  test('each says that it is the issuer, and shares its cookies with its own siblings', async () => {
    for (const origin of [hub, other, third]) {
      const discovery = await fetchByName(server.origin, new URL('/.well-known/openid-configuration', origin))
      expect(((await discovery.json()) as { issuer: string }).issuer).toBe(origin)
    }
    const browser = open()
    await browser.open(authorize(other, { prompt: 'create' }))
    await signUp(browser)
    expect(browser.page.url.origin + browser.page.url.pathname).toBe(callback)
    expect(browser.page.url.searchParams.get('iss')).toBe(other)
  })

  test('S27: a sign-in at one counts at every other, and a sign-out ends it at all', async () => {
    const browser = open()
    await browser.open(authorize(other, { prompt: 'create' }))
    await signUp(browser)
    const user = await resolves(browser, other)
    expect(user).toMatch(/-/)
    // The hub learned of it on the way back to the app.
    expect(await resolves(browser, hub)).toBe(user)
    expect(await resolves(browser, third)).toBeNull()
    // The third asks the hub: nobody types anything.
    await browser.open(authorize(third))
    expect(browser.page.heading).toMatch(/continue/i)
    await browser.send({}, { form: { action: 'continue' } })
    expect(browser.page.url.searchParams.get('iss')).toBe(third)
    expect(await resolves(browser, third)).toBe(user)
    const values = [hub, other, third].map((origin) => browser.cookiesOf(origin).get('session'))
    expect(new Set(values).size).toBe(3)

    await browser.open(`${third}/logout`)
    await browser.send({}, { form: { action: 'logout' } })
    await server.node.log.poll()
    for (const origin of [hub, other, third]) expect(await resolves(browser, origin)).toBeNull()
  })

  test('a sign-in at the hub is found by `prompt=none` elsewhere, and its absence, too', async () => {
    const browser = open()
    await browser.open(authorize(other, { prompt: 'none' }))
    expect(browser.page.url.searchParams.get('error')).toBe('login_required')
    await browser.open(`${hub}/signup`)
    await signUp(browser)
    await browser.open(authorize(other, { prompt: 'none' }))
    expect(browser.page.url.searchParams.get('code')).toMatch(/.{20}/)
    expect(await resolves(browser, other)).toBe(await resolves(browser, hub))
  })

  test('tokens carry the issuer of the origin where they were asked for', async () => {
    const browser = open()
    await browser.open(`${hub}/signup`)
    await signUp(browser)
    await browser.open(authorize(other, { prompt: 'none', client_id: 'jwt' }))
    const tokens = await token(hub, browser, 'jwt')
    expect(decodeJwt(tokens.id_token).iss).toBe(other)
    expect(decodeJwt(tokens.access_token)).toMatchObject({ iss: other, aud: [other] })
  })

  test('settings ask the hub before they ask the person', async () => {
    const browser = open()
    await browser.open(`${hub}/signup`)
    await signUp(browser)
    await browser.open(`${other}/settings`)
    expect([browser.page.url.origin, browser.page.url.pathname]).toEqual([other, '/settings'])
    const stranger = open()
    await stranger.open(`${other}/settings`)
    expect([stranger.page.url.origin, stranger.page.url.pathname]).toEqual([other, '/signup'])
    await signUp(stranger)
    expect([stranger.page.url.origin, stranger.page.url.pathname]).toEqual([other, '/settings'])
    expect(await resolves(stranger, hub)).toBe(await resolves(stranger, other))
  })

  test('a new sign-in at one replaces the old one at all', async () => {
    const browser = open()
    await browser.open(`${hub}/signup`)
    await signUp(browser)
    const first = await resolves(browser, hub)
    await browser.open(authorize(other, { prompt: 'create' }))
    await signUp(browser)
    await server.node.log.poll()
    const second = await resolves(browser, other)
    expect(second).not.toBe(first)
    expect(await resolves(browser, hub)).toBe(second)
  })
})

describe('a ticket', () => {
  const cookiesOf = (browser: PlainBrowser, origin: string) =>
    [...browser.cookiesOf(origin)].map(([name, value]) => `${name}=${value}`).join('; ')
  const step = async (url: string | URL, cookie: string) => {
    const answer = await fetchByName(server.origin, new URL(url), { headers: { cookie } })
    return { to: answer.headers.get('location') ?? '', cookies: answer.headers.getSetCookie() }
  }
  const marked = (cookies: string[]) => cookies.find((line) => line.startsWith('carry_mark='))?.split(';')[0] ?? ''

  /** What the hub answers to a browser that `to` has marked, before it goes on. */
  async function ticket(browser: PlainBrowser, to = other) {
    const asked = await step(`${to}/`, '')
    const given = await step(asked.to, cookiesOf(browser, hub))
    return { url: new URL(given.to), mark: marked(asked.cookies) }
  }
  async function signedIn(): Promise<PlainBrowser> {
    const browser = open()
    await browser.open(`${hub}/signup`)
    await signUp(browser)
    return browser
  }
  const takes = async (url: URL, cookie: string) =>
    (await step(url, cookie)).cookies.some((line) => line.startsWith('session='))

  test('works once, in the browser that asked for it', async () => {
    const { url, mark } = await ticket(await signedIn())
    expect(url.searchParams.get('ticket')).toMatch(/^[\w-]{32}$/)
    expect(await takes(url, mark)).toBe(true)
    expect(await takes(url, mark)).toBe(false)
  })

  test('is worth nothing in another browser, on another origin, or after a minute', async () => {
    const victim = await signedIn()
    const stranger = marked((await step(`${other}/`, '')).cookies)
    for (const cookie of [stranger, '', 'carry_mark=']) {
      const { url } = await ticket(victim)
      expect(await takes(url, cookie)).toBe(false)
    }
    const elsewhere = await ticket(victim)
    elsewhere.url.host = new URL(third).host
    expect(await takes(elsewhere.url, elsewhere.mark)).toBe(false)
    const late = await ticket(victim)
    await server.clock.advance(61_000)
    expect(await takes(late.url, late.mark)).toBe(false)
  })

  test('of another project is unknown here', async () => {
    await server.project({
      http: { public_origin: 'http://id.foreign.test', alternate_origins: ['http://id2.foreign.test'] },
    })
    const { url, mark } = await ticket(await signedIn())
    url.host = 'id2.foreign.test'
    expect(await takes(url, mark)).toBe(false)
  })

  test('of a session that has ended opens nothing', async () => {
    const victim = await signedIn()
    const { url, mark } = await ticket(victim)
    await victim.open(`${hub}/logout`)
    await victim.send({}, { form: { action: 'logout' } })
    expect(await takes(url, mark)).toBe(false)
  })

  test('leads nowhere but to the project’s own origins', async () => {
    const mark = 'a'.repeat(43)
    const bad = [
      `${hub}/_internals/carry/give?to=http://evil.test&mark=${mark}&next=/`,
      `${hub}/_internals/carry/give?to=${other}&mark=${mark}&next=//evil.test`,
      `${hub}/_internals/carry/give?to=${other}&mark=${mark}&next=/%5Cevil.test`,
      `${hub}/_internals/carry/give?to=${other}&mark=${mark}&next=http://evil.test/`,
      `${hub}/_internals/carry/give?to=${other}.evil.test&mark=${mark}&next=/`,
      `${hub}/_internals/carry/give?to=${other}&mark=short&next=/`,
      `${other}/_internals/carry/give?to=${third}&mark=${mark}&next=/`,
      `${other}/_internals/carry/take?next=//evil.test`,
      `${other}/_internals/carry/take?next=/&from=http://evil.test`,
      `${hub}/_internals/carry/take?next=.evil.test&from=${other}`,
      `${hub}/_internals/carry/take?next=@evil.test&from=${other}`,
    ]
    for (const text of bad) {
      const answer = await fetchByName(server.origin, new URL(text), { headers: { accept: 'text/html' } })
      expect([text, answer.status, answer.headers.get('location')]).toEqual([text, 400, null])
    }
  })
})

test('after a switch of the public origin the old one goes on: sessions, tokens and sign-in', async () => {
  const [old, next] = ['http://id.before.test', 'http://id.after.test']
  const clients = [{ client_id: 'notes', name: 'Notes', x_application_type: 'spa', redirect_uris: [callback] }]
  const rest = {
    identity: { login_id: { keys: [{ type: 'username' }] } },
    authentication: { identities: ['login_id'], primary_authenticators: ['password'] },
    oauth: { clients },
  }
  const { id } = await server.project({ http: { public_origin: old }, ...rest })
  const browser = plainBrowser(project, { names: { origins: [old, next], at: server.origin } })
  await browser.open(`${old}/signup`)
  await signUp(browser)
  const user = await resolves(browser, old)
  await browser.open(authorize(old, { prompt: 'none' }))
  const tokens = await token(old, browser)
  await server.project({ id, http: { public_origin: next, alternate_origins: [old] }, ...rest })

  expect(await resolves(browser, old)).toBe(user)
  const again = await tokenRequest(next, {
    grant_type: 'refresh_token',
    client_id: 'notes',
    refresh_token: tokens.refresh_token,
  })
  expect(again.access_token).toBeDefined()
  // Hints of former days are understood, at the new address too.
  const hint = `&id_token_hint=${tokens.id_token}`
  await browser.open(authorize(old, { prompt: 'none' }) + hint)
  expect(browser.page.url.searchParams.get('iss')).toBe(old)
  expect(browser.page.url.searchParams.get('code')).toMatch(/.{20}/)
  await browser.open(`${next}/oauth2/end_session?${new URLSearchParams({ id_token_hint: tokens.id_token })}`)
  expect(browser.page.status).toBe(200)
})
