// The demo as a person meets it: the published SDK, unmodified, in a real browser, against a real server.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Browser, BrowserContext, Page, Request } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { violations } from './support/axe.ts'
import { launchChromium } from './support/chromium.ts'
import { type Demo, startDemo } from './support/demo.ts'
import { answerPages, type Person } from './support/person.ts'

let demo: Demo
let browser: Browser
let context: BrowserContext
let page: Page
let troubles: string[]

beforeAll(async () => {
  demo = await startDemo({ nginx: true })
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await demo?.stop()
})
beforeEach(async () => {
  context = await browser.newContext()
  page = await context.newPage()
  troubles = []
  page.on('pageerror', (error) => troubles.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      troubles.push(message.text())
  })
})
afterEach(async () => {
  await context?.close()
  expect(troubles).toEqual([])
})

let serial = 0
function somebody(): Person {
  serial += 1
  return { email: `ann${serial}-${demo.port}@example.com`, password: 'correct horse battery staple' }
}

const backends = ['userinfo', 'nginx', 'jwt'] as const

/** Waits until all three say `status`. */
async function theySay(status: 'ok' | 'refused') {
  for (const name of backends) await page.locator(`#backend-${name}[data-status="${status}"]`).waitFor()
}

/** The user each of the three sees. */
async function whoTheySay(): Promise<unknown[]> {
  await theySay('ok')
  return Promise.all(
    backends.map(async (name) => {
      const answer = JSON.parse((await page.locator(`#backend-${name} .answer`).textContent()) ?? '') as Record<
        string,
        unknown
      >
      return answer.sub ?? answer.user_id
    }),
  )
}

/** Presses a button of the demo and answers Headgear's pages until the browser is back. */
async function press(id: string, who: Person): Promise<string[]> {
  await page.locator(id).click()
  const left = page.waitForURL((url) => url.origin === demo.headgear).then(() => 'left')
  const trouble = page
    .locator('#notice.danger')
    .waitFor()
    .then(() => page.locator('#notice').textContent())
  left.catch(() => {})
  trouble.catch(() => {})
  expect(await Promise.race([left, trouble])).toBe('left')
  return answerPages(page, who, { headgear: demo.headgear, until: demo.app })
}

async function signUp(who: Person): Promise<void> {
  await page.goto(demo.app)
  await press('#sign-up', who)
  await page.locator('body[data-session="signed-in"]').waitFor()
}

/** The access token of the next call to the backend that checks JWTs. */
async function accessToken(): Promise<string> {
  const called = (request: Request) => request.url() === `${demo.app}/api/me`
  const request = await page.waitForRequest(called)
  return (await request.headerValue('authorization')) ?? ''
}

describe('signing up and being known', () => {
  test('S6: strangers are refused by all three', async () => {
    await page.goto(demo.app)
    await page.locator('body[data-session="signed-out"]').waitFor()
    await theySay('refused')
  })

  test('S1, S6: a new account is known to all three, survives a reload, and is forgotten by all three on signing out', async () => {
    const ann = somebody()
    await signUp(ann)
    expect(await page.locator('#person-name').textContent()).toBe(ann.email)
    expect(page.url()).toBe(`${demo.app}/`) // no code stays in the address
    const id = await page.locator('#user-id').textContent()
    expect(await whoTheySay()).toEqual([id, id, id])
    expect(await page.locator('#chips').textContent()).toContain('Verified')

    await page.reload()
    await page.locator('body[data-session="signed-in"]').waitFor()
    expect(await whoTheySay()).toEqual([id, id, id])

    // nginx knows the browser by its cookie as well: no token, another port of the same host.
    const visit = await context.newPage()
    await visit.goto(`${demo.nginx}/`)
    expect(await visit.locator('body').textContent()).toContain(String(id))

    const token = await accessToken()
    await page.locator('#sign-out').click()
    await page.locator('body[data-session="signed-out"]').waitFor()
    await theySay('refused')
    const replay = async () => (await fetch(`${demo.nginx}/api/me`, { headers: { authorization: token } })).status
    await expect.poll(replay, { timeout: 1000, interval: 50 }).toBe(401)
    // As the page says: whoever checks a token alone hears of the end when it expires.
    expect((await fetch(`${demo.app}/api/me`, { headers: { authorization: token } })).status).toBe(200)
    await visit.reload()
    expect(await visit.locator('body').textContent()).toContain('guest')
  })

  test('signing in again asks for what signing up set', async () => {
    const ann = somebody()
    await signUp(ann)
    await page.locator('#sign-out').click()
    await page.locator('body[data-session="signed-out"]').waitFor()
    await press('#sign-in', ann)
    await page.locator('body[data-session="signed-in"]').waitFor()
    expect(await page.locator('#person-name').textContent()).toBe(ann.email)
  })

  test('leaving halfway is no error, and a made-up answer is refused', async () => {
    await page.goto(demo.app)
    await page.locator('#sign-in').click()
    await page.waitForURL((url) => url.origin === demo.headgear)
    await page.goto(demo.app)
    await page.locator('body[data-session="signed-out"]').waitFor()
    expect(await page.locator('#notice').isVisible()).toBe(false)

    await page.goto(`${demo.app}/?code=stolen&state=of-somebody-else`)
    await page.locator('#notice.danger').waitFor()
    expect(page.url()).toBe(`${demo.app}/`)
    await page.locator('body[data-session="signed-out"]').waitFor()
  })
})

describe('staying signed in', () => {
  test('S5: fetch renews an access token that ran out', async () => {
    await page.clock.install()
    await signUp(somebody())
    const id = await page.locator('#user-id').textContent()
    const old = await accessToken()
    await fetch(`${demo.headgear}/_dev/clock`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ advance_seconds: 301 }),
    })
    expect((await fetch(`${demo.nginx}/api/me`, { headers: { authorization: old } })).status).toBe(401)

    const renewal = page.waitForResponse((response) => response.url() === `${demo.headgear}/oauth2/token`)
    await page.clock.fastForward(301_000)
    expect((await renewal).status()).toBe(200)
    await expect.poll(accessToken, { timeout: 10_000 }).not.toBe(old)
    expect(await whoTheySay()).toEqual([id, id, id])
    await page.locator('#log', { hasText: 'it ran out' }).waitFor()
  })

  test('two tabs renew at the same time, and both stay', async () => {
    await signUp(somebody())
    const second = await context.newPage()
    await second.goto(demo.app)
    await second.locator('body[data-session="signed-in"]').waitFor()
    await Promise.all([page.reload(), second.reload()])
    for (const tab of [page, second]) {
      await tab.locator('body[data-session="signed-in"]').waitFor()
      await tab.locator('#backend-userinfo[data-status="ok"]').waitFor()
    }
    await page.locator('#sign-out').click()
    await second.locator('body[data-session="signed-out"]').waitFor()
  })

  test('S11: the command on the first page ends the session, and the app notices within a second', async () => {
    const ann = somebody()
    await signUp(ann)
    const start = await context.newPage()
    await start.goto(`${demo.headgear}/_dev/start`)
    expect(await start.locator('.dev-steps').textContent()).toContain(ann.email)
    const shown = (await start.locator('#end-sessions').textContent()) ?? ''
    // The checkout under test, whether or not npm has linked its command.
    const command = shown.replace('npx headgear', `"${process.execPath}" packages/server/bin/headgear.js`)
    await page.bringToFront()
    await whoTheySay()
    const { stdout } = await promisify(execFile)('sh', ['-c', command], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
    })
    expect(stdout).toContain('"revokeAllSessions"')
    await page.locator('body[data-session="signed-out"]').waitFor({ timeout: 3000 })
    expect(await page.locator('#notice').textContent()).toContain('this session was ended')
    await theySay('refused')
  })
})

describe('what an account can do', () => {
  test("confirming it's you keeps the session and renews its sign-in time", async () => {
    const ann = somebody()
    await signUp(ann)
    const before = await signedInAt()
    await fetch(`${demo.headgear}/_dev/clock`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ advance_seconds: 60 }),
    })
    const id = await page.locator('#user-id').textContent()
    await press('#reauthenticate', ann)
    await page.locator('#notice.ok', { hasText: 'Confirmed' }).waitFor()
    expect(await whoTheySay()).toEqual([id, id, id])
    expect(Date.parse(await signedInAt()) - Date.parse(before)).toBeGreaterThanOrEqual(60_000)
  })

  test('settings open signed in, in a new tab', async () => {
    const ann = somebody()
    await signUp(ann)
    const [settings] = await Promise.all([context.waitForEvent('page'), page.locator('#settings').click()])
    await settings.waitForURL((url) => url.origin === demo.headgear && url.pathname.startsWith('/settings'))
    expect(await settings.locator('body').textContent()).toContain(ann.email)
    expect(settings.url()).not.toContain('token')
  })

  test('changing the password is one page and back; the new one signs in', async () => {
    const ann = somebody()
    await signUp(ann)
    await press('#change-password', { ...ann, newPassword: 'staple battery horse correct' })
    await page.locator('#notice.ok', { hasText: 'password is changed' }).waitFor()
    await theySay('ok')
    await page.locator('#sign-out').click()
    await page.locator('body[data-session="signed-out"]').waitFor()
    await press('#sign-in', { ...ann, password: 'staple battery horse correct' })
    await page.locator('body[data-session="signed-in"]').waitFor()
  })
})

test('a guest is known, and keeps everything when they create an account', async () => {
  await page.goto(demo.app)
  await page.locator('#guest').click()
  await page.locator('body[data-session="guest"]').waitFor()
  const id = await page.locator('#user-id').textContent()
  expect(await whoTheySay()).toEqual([id, id, id])
  expect(await page.locator('#reauthenticate').isVisible()).toBe(false)

  const ann = somebody()
  await press('#promote', ann)
  await page.locator('body[data-session="signed-in"]').waitFor()
  expect(await page.locator('#user-id').textContent()).toBe(id)
  expect(await page.locator('#person-name').textContent()).toBe(ann.email)
  expect(await whoTheySay()).toEqual([id, id, id])
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`everybody can use the demo, the inbox and the first page (${colorScheme}, a small phone)`, async () => {
    await context.close()
    context = await browser.newContext({ colorScheme, viewport: { width: 320, height: 640 } })
    page = await context.newPage()
    const check = async () => {
      expect(await violations(page)).toEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320)
    }
    await page.goto(demo.app)
    await page.locator('body[data-session="signed-out"]').waitFor()
    await theySay('refused')
    await check()
    await signUp(somebody())
    await theySay('ok')
    await check()
    for (const path of ['/_dev', '/_dev/start', '/_dev?to=nobody']) {
      await page.goto(demo.headgear + path)
      await check()
    }
  })
}

async function signedInAt(): Promise<string> {
  await page.locator('#backend-nginx[data-status="ok"]').waitFor()
  const answer = JSON.parse((await page.locator('#backend-nginx .answer').textContent()) ?? '') as {
    signed_in_at: string
  }
  return answer.signed_in_at
}
