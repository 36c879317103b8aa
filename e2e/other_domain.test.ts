// The example of an app on another domain, in a real browser: two sites, and nothing but redirects between them.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { launchChromium } from './support/chromium.ts'
import { run } from './support/demo.ts'
import { freePort } from './support/free_port.ts'
import { answerPages, type Person } from './support/person.ts'
import { type Server, startServer } from './support/server.ts'

let dir: string
let ports: { headgear: number; app: number; second: number }
let server: Server
let apps: ReturnType<typeof run>[] = []
let browser: Browser
let context: BrowserContext
let page: Page

const startHeadgear = () =>
  startServer({
    port: ports.headgear,
    dataDir: join(dir, 'data'),
    args: ['--dev', '--config', join(dir, 'authgear.yaml'), '--secrets', join(dir, 'authgear.secrets.yaml')].concat(
      '--allow-outbound',
      '127.0.0.0/8',
    ),
  })

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgear-other-domain-'))
  ports = { headgear: await freePort(), app: await freePort(), second: await freePort() }
  for (const name of ['authgear.yaml', 'authgear.secrets.yaml']) {
    const text = await readFile(new URL(`../examples/other-domain/${name}`, import.meta.url), 'utf8')
    const moved = text.replace(/\b4000\b/g, String(ports.headgear)).replace(/\b4002\b/g, String(ports.app))
    await writeFile(join(dir, name), moved + secondClient()[name])
  }
  server = await startHeadgear()
  const start = (port: number, env: Record<string, string> = {}) =>
    run(['examples/other-domain/server.js'], 'shop on', { PORT: String(port), ISSUER: identity(), ...env })
  const another = { CLIENT_ID: 'second', CLIENT_SECRET: secondSecret, ORIGIN: new URL(second()).origin }
  apps = [start(ports.app), start(ports.second, another)]
  await Promise.all(apps.map(({ ready }) => ready))
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  for (const app of apps) await app.stop()
  await server?.stop()
  await rm(dir, { recursive: true, force: true })
})

/** The client of a second app, on a third domain, to come after the example's own in either file. */
const secondClient = (): Record<string, string> => ({
  'authgear.yaml': `
    - client_id: second
      name: Second
      client_name: Second
      x_application_type: confidential
      redirect_uris: [${second('/auth/callback')}]
      post_logout_redirect_uris: [${second()}]
`,
  'authgear.secrets.yaml': `
        - client_id: second
          keys: [{ kty: oct, kid: example, k: ${Buffer.from(secondSecret).toString('base64url')} }]
`,
})

beforeEach(async () => {
  context = await browser.newContext()
  page = await context.newPage()
})
afterEach(() => context.close())

const shop = (path = '/') => `http://127.0.0.1:${ports.app}${path}`
const second = (path = '/') => `http://second.localhost:${ports.second}${path}`
const secondSecret = 'another secret for this test only'
const identity = (path = '') => `http://localhost:${ports.headgear}${path}`

let serial = 0
const somebody = (): Person => ({ email: `ann${++serial}`, password: 'correct horse battery staple' })

/** From a page that needs a session to that page, with a new account. */
async function signUp(who: Person, path = '/orders') {
  await page.goto(shop(path))
  expect(new URL(page.url()).origin).toBe(identity())
  if (new URL(page.url()).pathname === '/login') await page.locator('main a[href*="/signup"]').click()
  await answerPages(page, who, { headgear: identity(), until: shop() })
  expect(page.url()).toBe(shop(path))
  await page.getByText(`The orders of ${who.email}`).waitFor()
}

test('S25: in the guide’s sample, one who needs a session is sent to sign in, and comes back to the very page', async () => {
  await signUp(somebody(), '/orders?page=2')
  const cookies = await context.cookies(shop())
  expect(cookies.map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]).sort()).toEqual([
    ['headgear', true, 'Lax'],
    ['headgear-tokens', true, 'Lax'],
  ])
  await page.reload()
  await page.getByText('The orders of').waitFor()
  expect(await page.evaluate(() => document.cookie)).toBe('')
})

test('two tabs that sign in at once both arrive', async () => {
  const who = somebody()
  await signUp(who)
  await context.clearCookies({ domain: '127.0.0.1' })
  const other = await context.newPage()
  await page.goto(shop('/orders?tab=1'))
  await other.goto(shop('/orders?tab=2'))
  expect([new URL(page.url()).origin, new URL(other.url()).origin]).toEqual([identity(), identity()])
  await answerPages(other, who, { headgear: identity(), until: shop() })
  await answerPages(page, who, { headgear: identity(), until: shop() })
  expect([page.url(), other.url()]).toEqual([shop('/orders?tab=1'), shop('/orders?tab=2')])
  await page.getByText(`The orders of ${who.email}`).waitFor()
})

test('S26: an app on a third domain signs in with one click, and nothing to type', async () => {
  const who = somebody()
  await signUp(who)
  await page.goto(second('/orders'))
  expect(new URL(page.url()).origin).toBe(identity())
  expect(await page.locator('main input:visible').count()).toBe(0)
  await page.locator('main .button.primary').click()
  await page.waitForURL(second('/orders'))
  await page.getByText(`The orders of ${who.email}`).waitFor()
  // Each has a session of its own, which only ends with its own app's button, or with Headgear's for both.
  expect((await context.cookies(second())).map(({ domain }) => domain)).toEqual([
    'second.localhost',
    'second.localhost',
  ])
  await page.goto(shop('/orders'))
  await page.getByText(`The orders of ${who.email}`).waitFor()
})

test('the button signs out of both sides', async () => {
  await signUp(somebody())
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('Nobody is signed in.').waitFor()
  expect([page.url(), await context.cookies(shop())]).toEqual([shop(), []])
  await page.goto(identity('/settings'))
  expect(new URL(page.url()).pathname).not.toBe('/settings')
})

test('signing out at Headgear signs out of the app', async () => {
  await signUp(somebody())
  await page.goto(identity('/logout'))
  await page.locator('main .button.primary').click()
  await page.waitForURL((url) => url.pathname !== '/logout')
  await expect
    .poll(
      async () => {
        await page.goto(shop())
        return page.locator('body').textContent()
      },
      { timeout: 20_000 },
    )
    .toContain('Nobody is signed in.')
})

test('a form of another site signs nobody out', async () => {
  const who = somebody()
  await signUp(who)
  const body = `<form method="post" action="${shop('/auth/logout')}"><button>Win a prize</button></form>`
  await page.route('http://evil.test/', (route) => route.fulfill({ contentType: 'text/html', body }))
  await page.goto('http://evil.test/')
  const answer = page.waitForResponse(shop('/auth/logout'))
  await page.getByRole('button').click()
  expect((await answer).status()).toBe(403)
  await page.goto(shop('/orders'))
  await page.getByText(`The orders of ${who.email}`).waitFor()
})

test('while Headgear is down, those who are signed in stay so', async () => {
  const who = somebody()
  await signUp(who)
  await server.stop()
  await page.goto(shop('/orders'))
  await page.getByText(`The orders of ${who.email}`).waitFor()
  server = await startHeadgear()
  await page.reload()
  await page.getByText(`The orders of ${who.email}`).waitFor()
})
