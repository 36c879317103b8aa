// Apps that share the session cookie, under names as in production: two sites, each with its own identity host of the same
// project, behind Caddy with certificates of an authority of its own, which the browser trusts (NSS), and once more on
// `*.localhost` without TLS. The browser blocks third-party cookies.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Headgear, startHeadgear } from 'headgear/testing'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { fetchByName } from '../packages/server/test/support/by_name.ts'
import { buildBundle } from './interop/bundle.ts'
import { launchChromium } from './support/chromium.ts'
import { freePort } from './support/free_port.ts'
import { find, type Installed, startInstalled } from './support/installed.ts'

const password = 'Vexing, quartz jolt'

let dir: string
let server: Headgear
let rendered: Server
let front: Installed
let browser: Browser

type Place = {
  tls: boolean
  /** The root domain of the apps, and that of the others. */
  root: string
  other: string
  /** The origin of a host. */
  at(host: string): string
}
const places: Record<string, Place> = {}
const names = ['on real names with TLS', 'on localhost without TLS'] as const

/** Apps in the browser by @authgear/web, and apps whose pages a server makes; the last of each is on the other root domain. */
const appsOf = ({ root, other }: Place) => ({
  single: [`shop.${root}`, `blog.${root}`, `app.${other}`] as const,
  rendered: [`orders.${root}`, `news.${root}`, `desk.${other}`] as const,
})
/** The identity host beside an app. */
const identityOf = (place: Place, host: string) =>
  place.at(`identity.${host.endsWith(`.${place.other}`) ? place.other : place.root}`)

/** The project of a place: one hub, and a second origin on the other root domain. */
async function makeProject(place: Place): Promise<void> {
  const { single, rendered } = appsOf(place)
  const client = (client_id: string, hosts: readonly string[]) => {
    const uris = hosts.map((host) => `${place.at(host)}/`)
    const type = 'traditional_webapp'
    return {
      client_id,
      name: client_id,
      x_application_type: type,
      redirect_uris: uris,
      post_logout_redirect_uris: uris,
    }
  }
  await server.project({
    http: {
      public_origin: place.at(`identity.${place.root}`),
      alternate_origins: [place.at(`identity.${place.other}`)],
    },
    identity: { login_id: { keys: [{ type: 'username' }] } },
    authentication: { identities: ['login_id'], primary_authenticators: ['password'] },
    oauth: { clients: [client('single', single), client('rendered', rendered)] },
  })
}

/** A server-rendered app: it asks the resolver with the request's cookies, and knows two addresses. */
function renderedApp(): Promise<Server> {
  const app = createServer(async (request, response) => {
    const host = request.headers.host ?? ''
    const here = Object.values(places)
      .flatMap((one) => appsOf(one).rendered.map((name) => ({ place: one, name })))
      .find(({ place, name }) => new URL(place.at(name)).host === host)
    if (here === undefined) return void response.writeHead(404).end()
    const identity = identityOf(here.place, here.name)
    const back = `${here.place.at(here.name)}/`
    const answer = await fetchByName(server.origin, new URL(`${identity}/_resolver/resolve`), {
      headers: { cookie: request.headers.cookie ?? '' },
    })
    const user = answer.headers.get('x-authgear-user-id')
    const query = (more: Record<string, string>) => new URLSearchParams({ client_id: 'rendered', ...more })
    const signIn = query({ response_type: 'none', scope: 'openid', redirect_uri: back, state: 'mine' })
    const link =
      user === null
        ? `<a href="${identity}/oauth2/authorize?${signIn}">Sign in</a>`
        : `<a href="${identity}/oauth2/end_session?${query({ post_logout_redirect_uri: back })}">Sign out</a>`
    response.setHeader('content-type', 'text/html')
    response.end(`<!doctype html><title>${here.name}</title><p id="who">${user ?? 'nobody'}</p>${link}`)
  })
  return new Promise((resolve) => app.listen(0, '127.0.0.1', () => resolve(app)))
}

/** The `Caddyfile`: Headgear at the identity hosts, the bundle at apps in the browser, and the rendered ones. */
function caddyfile(headgear: string, app: string, ports: { tls: number; plain: number }): string {
  const site = (place: Place, host: string, inside: string) =>
    `${place.at(host)}${place.tls ? `:${ports.tls}` : ''} {\n${place.tls ? 'tls internal\n' : ''}${inside}\n}`
  const sites = Object.values(places).flatMap((place) => {
    const { single, rendered } = appsOf(place)
    return [
      ...[place.root, place.other].map((root) => site(place, `identity.${root}`, `reverse_proxy ${headgear}`)),
      ...single.map((host) => site(place, host, `root * ${join(dir, 'single')}\nfile_server`)),
      ...rendered.map((host) => site(place, host, `reverse_proxy ${app}`)),
    ]
  })
  // Two sites, each with a cookie that is made to be sent from everywhere.
  const probe = `https://probe.test:${ports.tls}, https://probe.example.test:${ports.tls} {
    tls internal
    header {
      Set-Cookie "probe=1; Secure; SameSite=None; Path=/"
      Access-Control-Allow-Origin {header.Origin}
      Access-Control-Allow-Credentials true
      Content-Type text/plain
    }
    respond "cookies: {header.Cookie}"
  }`
  return `{
    admin off
    storage file_system ${join(dir, 'caddy')}
    skip_install_trust
    auto_https disable_redirects
    http_port ${ports.plain}
    https_port ${ports.tls}
  }
  ${[...sites, probe].join('\n')}`
}

/** Lets a browser whose home this is trust the authority that Caddy made. */
async function trustAuthority(home: string): Promise<void> {
  const run = promisify(execFile)
  const certutil = find('certutil', 'libnss3-tools')
  const store = join(home, '.pki/nssdb')
  await mkdir(store, { recursive: true })
  await run(certutil, ['-d', `sql:${store}`, '-N', '--empty-password'])
  const root = join(dir, 'caddy/pki/authorities/local/root.crt')
  await run(certutil, ['-d', `sql:${store}`, '-A', '-n', 'test authority', '-t', 'C,,', '-i', root])
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgear-root-domain-'))
  const ports = { tls: await freePort(), plain: await freePort() }
  const [real, local] = names
  places[real] = { tls: true, root: 'example.test', other: 'other.test', at: (host) => `https://${host}` }
  const plain = (host: string) => `http://${host}:${ports.plain}`
  places[local] = { tls: false, root: 'main.localhost', other: 'other.localhost', at: plain }
  server = await startHeadgear({ trustProxy: ['127.0.0.1', '::1'] })
  for (const place of Object.values(places)) await makeProject(place)
  rendered = await renderedApp()
  await buildBundle('authgear_web', join(dir, 'single'))
  const app = `127.0.0.1:${(rendered.address() as AddressInfo).port}`
  await writeFile(join(dir, 'Caddyfile'), caddyfile(`127.0.0.1:${new URL(server.origin).port}`, app, ports))
  front = await startInstalled(
    [find('caddy', 'caddy'), 'run', '--config', join(dir, 'Caddyfile'), '--adapter', 'caddyfile'],
    { port: ports.tls, cwd: dir, env: { HOME: dir } },
  )
  await trustAuthority(dir)
  browser = await launchChromium({ front: ports.tls, home: dir, args: ['--test-third-party-cookie-phaseout'] })
})
afterAll(async () => {
  await browser?.close()
  await front?.stop()
  rendered?.close()
  await server?.stop()
  await rm(dir, { recursive: true, force: true })
})

let serial = 0
/** Fills in a page of Headgear and goes where its button leads. */
async function send(page: Page, fields: Record<string, string> = {}): Promise<void> {
  for (const [name, value] of Object.entries(fields)) {
    const field = page.locator(`main [name="${name}"]`)
    if (await field.isVisible()) await field.fill(value) // with script, the second password fills itself in
  }
  await Promise.all([page.waitForEvent('load'), page.locator('main .button.primary:visible').first().click()])
}
/** Signs somebody new up, wherever the browser stands at a page of Headgear. */
async function signUp(page: Page): Promise<void> {
  if (new URL(page.url()).pathname === '/login') await page.locator('main a[href*="/signup"]').click()
  await send(page, { x_login_id: `ana${++serial}` })
  await send(page, { x_password: password, x_confirm_password: password })
}

describe.each(names)('%s', (name) => {
  let place: Place
  let context: BrowserContext
  beforeAll(() => {
    place = places[name] as Place
  })
  afterEach(() => context?.close())

  const sessionCookies = async (host: string) =>
    (await context.cookies(place.at(host)))
      .filter((cookie) => ['session', 'same_site_strict'].includes(cookie.name))
      .map(({ name, domain, path, secure, httpOnly, sameSite }) => [name, domain, path, secure, httpOnly, sameSite])
      .sort()
  /** What the two cookies of a session must be, on a root domain. */
  const wanted = (root: string) => [
    ['same_site_strict', `.${root}`, '/', place.tls, true, 'Strict'],
    ['session', `.${root}`, '/', place.tls, true, 'Lax'],
  ]

  describe('apps in the browser, by @authgear/web in cookie mode', () => {
    let tabs: Page[]
    let shop: Page
    let blog: Page
    let app: Page
    beforeEach(async () => {
      context = await browser.newContext()
      tabs = []
      for (const host of appsOf(place).single) {
        const tab = await context.newPage()
        await tab.goto(place.at(host))
        const options = { endpoint: identityOf(place, host), clientID: 'single', sessionType: 'cookie' }
        await tab.evaluate((text) => localStorage.setItem('options', text), JSON.stringify(options))
        await tab.reload()
        await ready(tab)
        tabs.push(tab)
      }
      ;[shop, blog, app] = tabs as [Page, Page, Page]
    })

    const ready = (page: Page) => page.waitForFunction(() => window.configured)
    /** Who an app finds at the browser, asking as it does at any time. */
    const who = (page: Page) =>
      page.evaluate(() =>
        window.authgear.fetchUserInfo().then(
          ({ sub }) => sub,
          (error: { error?: string; message: string }) => error.error ?? error.message,
        ),
      )
    const everywhere = () => Promise.all(tabs.map(who))
    /** Leaves an app for Headgear. */
    async function leave(page: Page, more: { page?: 'signup' } = {}): Promise<void> {
      const start = (options: object) =>
        void window.authgear.startAuthentication({ redirectURI: `${location.origin}/`, state: 'mine', ...options })
      await page.evaluate(start, more)
      await page.waitForURL((url) => url.hostname.startsWith('identity.'))
      await page.waitForLoadState()
    }
    async function isBack(page: Page, host: string): Promise<string> {
      await page.waitForURL(`${place.at(host)}/?state=mine`)
      await ready(page)
      return page.evaluate(async () => (await window.authgear.finishAuthentication()).userInfo.sub)
    }
    const signOut = async (page: Page) => {
      const home = `${new URL(page.url()).origin}/`
      await page.evaluate((to) => void window.authgear.logout({ redirectURI: to }), home)
      await page.waitForURL(home)
      await ready(page)
    }
    const nobody = ['invalid_grant', 'invalid_grant', 'invalid_grant']

    test('S15: a sign-in at one app counts at its sibling at once, and at the other root domain after a redirect', async () => {
      const [first, , last] = appsOf(place).single
      expect(await everywhere()).toEqual(nobody)
      await leave(shop, { page: 'signup' })
      await signUp(shop)
      const sub = await isBack(shop, first)
      expect(sub).toMatch(/^[0-9a-f-]{36}$/)
      expect(await everywhere()).toEqual([sub, sub, 'invalid_grant'])
      expect(await sessionCookies(first)).toEqual(wanted(place.root))
      expect(await sessionCookies(last)).toEqual([])

      await leave(app)
      await send(app) // continue as
      expect(await isBack(app, last)).toBe(sub)
      expect(await everywhere()).toEqual([sub, sub, sub])
      expect(await sessionCookies(last)).toEqual(wanted(place.other))
      // What is for the identity host alone is sent to it alone, and to no script.
      const others = (await context.cookies()).filter(({ name }) => !['session', 'same_site_strict'].includes(name))
      for (const { name, domain, httpOnly, secure } of others)
        expect([name, domain, httpOnly, secure]).toEqual([name, expect.stringMatching(/^identity\./), true, place.tls])

      await signOut(app)
      expect(await everywhere()).toEqual(nobody)
      expect(await sessionCookies(last)).toEqual([])
    })

    test('S27: a sign-in at the other root domain counts at the first without another step, and its end, too', async () => {
      const last = appsOf(place).single[2]
      await leave(app, { page: 'signup' })
      await signUp(app)
      const sub = await isBack(app, last)
      expect(await everywhere()).toEqual([sub, sub, sub])
      await signOut(blog)
      expect(await everywhere()).toEqual(nobody)
    })
  })

  test('server-rendered apps, with JavaScript off: the same', async () => {
    context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    const [orders, news, desk] = appsOf(place).rendered
    const who = async (host: string) => {
      await page.goto(place.at(host))
      return page.locator('#who').textContent()
    }
    const everywhere = async () => [await who(orders), await who(news), await who(desk)]
    const follow = (text: string) => Promise.all([page.waitForEvent('load'), page.getByText(text).click()])

    expect(await everywhere()).toEqual(['nobody', 'nobody', 'nobody'])
    await page.goto(place.at(orders))
    await follow('Sign in')
    expect(page.url()).toContain(identityOf(place, orders))
    await signUp(page)
    expect(page.url()).toBe(`${place.at(orders)}/?state=mine`)
    const user = await page.locator('#who').textContent()
    expect(user).toMatch(/^[0-9a-f-]{36}$/)
    expect(await everywhere()).toEqual([user, user, 'nobody'])
    await follow('Sign in') // at the desk
    expect(page.url()).toContain(identityOf(place, desk))
    await send(page) // continue as
    expect(page.url()).toBe(`${place.at(desk)}/?state=mine`)
    expect(await everywhere()).toEqual([user, user, user])

    await page.goto(place.at(news))
    await follow('Sign out')
    expect(page.url()).toBe(`${place.at(news)}/`)
    await server.node.log.poll()
    expect(await everywhere()).toEqual(['nobody', 'nobody', 'nobody'])
  })

  test('cookies that a sibling host plants sign nobody out', async () => {
    context = await browser.newContext()
    const page = await context.newPage()
    const [orders] = appsOf(place).rendered
    const [, sibling] = appsOf(place).single
    const identity = identityOf(place, orders)
    await page.goto(`${identity}/signup`)
    await signUp(page)
    await page.goto(place.at(sibling))
    const plant = (domain: string) => {
      for (const path of ['/', '/settings', '/oauth2', '/orders'])
        for (const name of ['session', 'app_session', 'app_access_token']) {
          // biome-ignore lint/suspicious/noDocumentCookie: as an old script would
          document.cookie = `${name}=planted; path=${path}; domain=${domain}`
        }
    }
    await page.evaluate(plant, place.root)
    const planted = (await context.cookies(`${identity}/settings`)).filter(({ value }) => value === 'planted')
    expect(planted.length).toBeGreaterThan(2)

    for (const _ of [1, 2]) {
      await page.goto(`${identity}/settings`)
      expect(new URL(page.url()).pathname).toBe('/settings')
      await page.goto(`${place.at(orders)}/orders`)
      expect(await page.locator('#who').textContent()).toMatch(/^[0-9a-f-]{36}$/)
    }
  })
})

test('none of it leans on third-party cookies: the browser sends none', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  const probes = ['https://probe.example.test/', 'https://probe.test/']
  for (const url of probes) {
    await page.goto(url)
    await page.reload()
    expect(await page.locator('body').textContent()).toBe('cookies: probe=1')
  }
  await page.goto('https://shop.example.test/')
  const ask = async (url: string) => (await fetch(url, { credentials: 'include' })).text()
  const [sibling, stranger] = [await page.evaluate(ask, probes[0] ?? ''), await page.evaluate(ask, probes[1] ?? '')]
  expect([sibling, stranger]).toEqual(['cookies: probe=1', 'cookies: '])
  await context.close()
})
