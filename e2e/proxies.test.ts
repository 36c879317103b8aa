// Debian's nginx, Caddy, HAProxy and Apache with the example's own configurations, in front of the example's Python app.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { launchChromium } from './support/chromium.ts'
import { freePort } from './support/free_port.ts'
import { find, type Installed, startInstalled } from './support/installed.ts'
import { startNginx } from './support/nginx.ts'
import { answerPages } from './support/person.ts'
import { runHeadgear, type Server, startServer } from './support/server.ts'

const example = fileURLToPath(new URL('../examples/same-root-domain/', import.meta.url))
const clientSecret = 'a-secret-for-this-example-only'

let dir: string
let ports: { headgear: number; proxy: number; app: number }
let server: Server
let app: Installed
let browser: Browser

/** A file of the example with the ports of this run; copied beside the others. */
async function moved(name: string): Promise<string> {
  const text = (await readFile(join(example, name), 'utf8'))
    .replace(/\b4000\b/g, String(ports.headgear))
    .replace(/\b4002\b/g, String(ports.proxy))
    .replace(/\b4003\b/g, String(ports.app))
  await writeFile(join(dir, name), text)
  return text
}

const startHeadgear = () =>
  startServer({
    port: ports.headgear,
    dataDir: join(dir, 'data'),
    args: [
      '--dev',
      '--config',
      join(dir, 'authgear.yaml'),
      '--secrets',
      join(dir, 'authgear.secrets.yaml'),
      '--trust-proxy',
      '127.0.0.1',
      '--allow-outbound',
      '127.0.0.0/8',
    ],
  })

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgear-proxies-'))
  ports = { headgear: await freePort(), proxy: await freePort(), app: await freePort() }
  for (const name of [
    'authgear.yaml',
    'authgear.secrets.yaml',
    'Caddyfile',
    'haproxy.cfg',
    'headgear.lua',
    'apache.conf',
  ])
    await moved(name)
  server = await startHeadgear()
  app = await startInstalled([find('python3', 'python3'), join(example, 'app.py')], {
    port: ports.app,
    cwd: dir,
    env: {
      PORT: String(ports.app),
      IDENTITY: `http://localhost:${ports.headgear}`,
      HERE: `http://localhost:${ports.proxy}`,
    },
  })
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await app?.stop()
  await server?.stop()
  await rm(dir, { recursive: true, force: true })
})

const shop = (path = '/') => `http://localhost:${ports.proxy}${path}`
const identity = () => `http://localhost:${ports.headgear}`

const claims = {
  'x-authgear-session-valid': 'true',
  'x-authgear-user-id': 'the-boss',
  'x-authgear-user-roles': 'admin',
  x_authgear_user_id: 'the-boss',
  x_authgear_session_valid: 'true',
}
const ask = (path: string, headers: Record<string, string> = {}) =>
  fetch(shop(path), { redirect: 'manual', headers: { accept: 'text/html', ...headers } })

let serial = 0
/** Signs somebody new up, wherever the page stands on Headgear, and comes out at the shop. */
async function signUp(page: Page): Promise<void> {
  if (new URL(page.url()).pathname === '/login') await page.getByRole('link', { name: /sign up|create/i }).click()
  const who = { email: `ana${++serial}`, password: 'correct horse battery' }
  await answerPages(page, who, { headgear: identity(), until: shop() })
}

const who = (page: Page) => page.locator('#who').textContent()

/** Ends every session of the person, as an administrator would. */
async function disable(userId: string): Promise<void> {
  const { stdout } = await runHeadgear(['admin-token', 'shop', '--data-dir', join(dir, 'data'), '--dev'])
  const token = /ey[\w.-]+/.exec(stdout)?.[0] ?? ''
  const response = await fetch(`${identity()}/_api/admin/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({
      query: 'mutation ($id: ID!) { setDisabledStatus(input: { userID: $id, isDisabled: true }) { user { id } } }',
      variables: { id: Buffer.from(`User:${userId}`).toString('base64url') },
    }),
  })
  const answer = (await response.json()) as { errors?: unknown }
  expect([response.status, answer.errors]).toEqual([200, undefined])
}

const proxies: Record<string, () => Promise<Installed>> = {
  async nginx() {
    const text = await moved('nginx.conf')
    const nginx = await startNginx(({ port }) =>
      text.replaceAll(`listen 127.0.0.1:${ports.proxy}`, `listen 127.0.0.1:${ports.proxy}; listen 127.0.0.1:${port}`),
    )
    return { output: nginx.log, stop: nginx.stop, [Symbol.asyncDispose]: nginx.stop }
  },
  Caddy: () =>
    startInstalled([find('caddy', 'caddy'), 'run', '--config', join(dir, 'Caddyfile'), '--adapter', 'caddyfile'], {
      port: ports.proxy,
      cwd: dir,
      env: { HOME: dir },
    }),
  HAProxy: () =>
    startInstalled([find('haproxy', 'haproxy'), '-f', join(dir, 'haproxy.cfg')], { port: ports.proxy, cwd: dir }),
}

describe.each(Object.keys(proxies))('%s', (name) => {
  let proxy: Installed
  beforeAll(async () => {
    proxy = await (proxies[name] as () => Promise<Installed>)()
  })
  afterAll(() => proxy?.stop())

  test('lets guests in as guests, whatever they claim', async () => {
    for (const headers of [{}, claims, { ...claims, authorization: 'Bearer garbage' }]) {
      const answer = await ask('/', headers)
      expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('Hello, guest')])
    }
  })

  test('clears a session cookie that is worth nothing', async () => {
    const answer = await ask('/', { cookie: 'session=stale' })
    expect(await answer.text()).toContain('Hello, guest')
    expect(answer.headers.get('set-cookie')).toMatch(/^session=;.*1970/)
  })

  test('S18: sends strangers to sign in, knows them by the cookie alone, and forgets them within a second', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(shop('/orders'))
    expect(page.url()).toContain(identity())
    await signUp(page)
    await page.goto(shop('/orders'))
    const user = await who(page)
    expect(user).toMatch(/^[0-9a-f-]{36}$/)
    expect(await page.locator('h1').textContent()).toBe('Shop /orders')
    // What one claims beside one's own cookie changes nothing.
    const cookie = (await context.cookies(shop())).map(({ name, value }) => `${name}=${value}`).join('; ')
    expect(await (await ask('/', { ...claims, cookie })).text()).toContain(user)

    await disable(user ?? '')
    const acknowledged = performance.now()
    let known = true
    while (known && performance.now() - acknowledged < 5000)
      known = (await (await ask('/', { cookie })).text()).includes(user ?? '')
    expect([known, performance.now() - acknowledged < 1000]).toEqual([false, true])
    await context.close()
  })

  test('signing out at the app signs out', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(shop('/orders'))
    await signUp(page)
    await page.goto(shop())
    expect(await who(page)).toMatch(/-/)
    await page.getByRole('link', { name: 'Sign out' }).click()
    const confirm = page.getByRole('button', { name: /sign out|log out/i })
    if (await confirm.isVisible().catch(() => false)) await confirm.click()
    await page.waitForURL((url) => url.href === shop())
    expect(await page.locator('body').textContent()).toContain('Hello, guest')
    await context.close()
  })

  describe('when nobody can say', () => {
    beforeEach(async () => {
      await server.kill()
    })
    afterEach(async () => {
      server = await startHeadgear()
    })
    test('nobody is a guest by accident: 503', async () => {
      for (const path of ['/', '/orders']) {
        const answer = await ask(path, { cookie: 'session=x' })
        expect([answer.status, (await answer.text()).includes('guest')]).toEqual([503, false])
      }
    })
  })
})

describe('Apache, as an OpenID client', () => {
  let proxy: Installed
  beforeAll(async () => {
    const modules = {
      mpm_event: 'mod_mpm_event',
      authn_core: 'mod_authn_core',
      authz_core: 'mod_authz_core',
      authz_user: 'mod_authz_user',
      headers: 'mod_headers',
      proxy: 'mod_proxy',
      proxy_http: 'mod_proxy_http',
      auth_openidc: 'mod_auth_openidc',
    }
    await writeFile(
      join(dir, 'apache2.conf'),
      `ServerRoot ${dir}
ServerName localhost
PidFile ${dir}/apache.pid
ErrorLog ${dir}/apache.log
Mutex file:${dir} default
User ${process.getuid?.() === 0 ? 'www-data' : `#${process.getuid?.()}`}
${Object.entries(modules)
  .map(([name, file]) => `LoadModule ${name}_module /usr/lib/apache2/modules/${file}.so`)
  .join('\n')}
Include ${dir}/apache.conf
`,
    )
    proxy = await startInstalled(
      [find('apache2', 'apache2 libapache2-mod-auth-openidc'), '-f', join(dir, 'apache2.conf'), '-D', 'FOREGROUND'],
      { port: ports.proxy, cwd: dir, env: { CLIENT_SECRET: clientSecret, COOKIE_SECRET: 'for-this-test-only' } },
    )
  })
  afterAll(() => proxy?.stop())

  test('signs people in by the code flow, and forgets them when their session ends elsewhere', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    expect((await ask('/goodbye', claims)).status).toBe(200)
    expect(await (await ask('/goodbye', claims)).text()).toContain('Hello, guest')
    await page.goto(shop())
    expect(page.url()).toContain(identity())
    await signUp(page)
    const user = await who(page)
    expect(user).toMatch(/^[0-9a-f-]{36}$/)
    await page.goto(shop('/orders'))
    expect(await who(page)).toBe(user)
    await disable(user ?? '')
    // Headgear tells Apache (back-channel logout), which then sends to sign in again.
    const address = async () => {
      await page.goto(shop())
      return page.url()
    }
    await expect.poll(address, { timeout: 10_000 }).toContain(identity())
    await context.close()
  })
})
