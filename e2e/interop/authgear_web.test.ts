// S1, S2: the published web SDK beyond what the demo shows: with cookies alone, without single sign-on, settings actions.
import type { ConfigureOptions } from '@authgear/web'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { answerPages, messagesTo, type Person } from '../support/person.ts'
import { type Bundle, serveBundle } from './bundle.ts'
import { type Provider, startProvider } from './provider.ts'

let provider: Provider
let app: Bundle
beforeAll(async () => {
  app = await serveBundle('authgear_web')
  const addresses = {
    redirect_uris: [`${app.origin}/`],
    post_logout_redirect_uris: [`${app.origin}/`],
  }
  provider = await startProvider({
    clients: [
      { client_id: 'tokens', name: 'Tokens', x_application_type: 'spa', ...addresses },
      { client_id: 'cookies', name: 'Cookies', x_application_type: 'traditional_webapp', ...addresses },
    ],
    config: {
      authentication: { identities: ['login_id', 'anonymous'], primary_authenticators: ['password'] },
      identity: { login_id: { keys: [{ type: 'email' }, { type: 'username' }] } },
      account_deletion: { scheduled_by_end_user_enabled: true },
    },
  })
})
afterAll(async () => {
  await provider?.[Symbol.asyncDispose]()
  await app?.[Symbol.asyncDispose]()
})

let context: BrowserContext
let page: Page
let who: Person
let troubles: string[]
beforeEach(async () => {
  ;({ context, page, who } = await provider.visitor())
  troubles = []
  page.on('pageerror', (error) => troubles.push(error.message))
})
afterEach(async () => {
  await context?.close()
  expect(troubles).toEqual([])
})

const tokens = { clientID: 'tokens', sessionType: 'refresh_token' } as const
const cookies = { clientID: 'cookies', sessionType: 'cookie' } as const

async function configure(options: Omit<ConfigureOptions, 'endpoint'>): Promise<void> {
  // The SDK may still be on its way somewhere: that navigation aborts ours.
  await page.waitForLoadState()
  await page.goto(app.origin).catch(() => page.goto(app.origin))
  const all = JSON.stringify({ endpoint: provider.issuer, ...options })
  await page.evaluate((text) => localStorage.setItem('options', text), all)
  await page.reload()
  await ready()
}
const ready = () => page.waitForFunction(() => window.configured)
const redirectURI = () => `${app.origin}/`

/** Starts an operation that leaves the app, deals with the pages, and is back. */
async function away(start: Promise<unknown>, answer: () => Promise<unknown> = pages): Promise<URL> {
  await start
  await page.waitForURL((url) => url.origin === provider.issuer)
  await answer()
  await page.waitForURL((url) => url.origin === app.origin)
  await ready()
  return new URL(page.url())
}
const pages = () => answerPages(page, who, { headgear: provider.issuer, until: app.origin })

// Starting an operation navigates; what it returns never comes.
const signUp = () =>
  away(
    page.evaluate(
      (to) => void window.authgear.startAuthentication({ redirectURI: to, page: 'signup', state: 'mine' }),
      redirectURI(),
    ),
  )
const finish = () => page.evaluate(async () => (await window.authgear.finishAuthentication()).userInfo)
const userInfo = () =>
  page.evaluate(() =>
    window.authgear.fetchUserInfo().then(
      ({ sub, email, isAnonymous }) => ({ sub, email, isAnonymous }),
      (error: { error?: string; message: string }) => ({ refused: error.error ?? error.message }),
    ),
  )
const authTime = () => page.evaluate(() => window.authgear.getAuthTime()?.getTime() ?? 0)
/** A minute later. @returns by how many milliseconds the sign-in is younger then. */
async function reauthenticate(): Promise<number> {
  await page.evaluate(() => window.authgear.refreshIDToken())
  const before = await authTime()
  await fetch(`${provider.issuer}/_dev/clock`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ advance_seconds: 60 }),
  })
  const start = (to: string) => void window.authgear.startReauthentication({ redirectURI: to })
  await away(page.evaluate(start, redirectURI()))
  await page.evaluate(() => window.authgear.finishReauthentication())
  return (await authTime()) - before
}

describe('S1: the web SDK with cookies alone', () => {
  beforeEach(() => configure(cookies))

  test('signs up, knows who it is, opens the settings, and signs out', async () => {
    expect(await userInfo()).toEqual({ refused: 'invalid_grant' })
    const back = await signUp()
    expect(back.search).toBe('?state=mine') // no code: there is nothing to exchange
    const { sub } = await finish()
    expect(await userInfo()).toEqual({ sub, email: who.email, isAnonymous: false })
    expect(await page.evaluate(() => localStorage.getItem('authgear_default_refreshToken'))).toBeNull()
    const [settings] = await Promise.all([
      context.waitForEvent('page'),
      page.evaluate(() => window.authgear.open('/settings' as never)),
    ])
    await settings.waitForURL(`${provider.issuer}/settings*`)
    expect(await settings.locator('main').textContent()).toContain(who.email)

    await page.evaluate((to) => void window.authgear.logout({ redirectURI: to }), redirectURI())
    await page.waitForURL(redirectURI())
    await ready()
    expect(await userInfo()).toEqual({ refused: 'invalid_grant' })
  })

  test('enters anonymously, and becomes the same user with a name', async () => {
    const guest = await page.evaluate(async () => (await window.authgear.authenticateAnonymously()).userInfo)
    expect(await userInfo()).toEqual({ sub: guest.sub, email: undefined, isAnonymous: true })
    const start = (to: string) => void window.authgear.startPromoteAnonymousUser({ redirectURI: to })
    await away(page.evaluate(start, redirectURI()))
    await page.evaluate(() => window.authgear.finishPromoteAnonymousUser())
    expect(await userInfo()).toEqual({ sub: guest.sub, email: who.email, isAnonymous: false })
  })

  test('has the person confirm who they are', async () => {
    await signUp()
    await finish()
    expect(await reauthenticate()).toBeGreaterThanOrEqual(60_000)
  })
})

describe('S1: the web SDK with tokens', () => {
  beforeEach(() => configure(tokens))

  test('without single sign-on leaves no session in the browser, and renews, confirms and signs out all the same', async () => {
    await signUp()
    const { sub } = await finish()
    const visit = await context.newPage()
    await visit.goto(`${provider.issuer}/settings`)
    expect(new URL(visit.url()).pathname).not.toBe('/settings')
    await visit.close()
    await page.goto(app.origin)
    await ready()
    expect(await userInfo()).toMatchObject({ sub })
    expect(await reauthenticate()).toBeGreaterThanOrEqual(60_000)
    const [settings] = await Promise.all([
      context.waitForEvent('page'),
      page.evaluate(() => window.authgear.open('/settings' as never)),
    ])
    await settings.waitForURL(`${provider.issuer}/settings*`)
    await page.evaluate((to) => window.authgear.logout({ redirectURI: to }), redirectURI())
    expect(await page.evaluate(() => window.authgear.sessionState)).toBe('NO_SESSION')
    // The node hears of it within a second.
    const path = async () => {
      await settings.reload()
      return new URL(settings.url()).pathname
    }
    await expect.poll(path).not.toBe('/settings')
  })

  test('adds, changes and removes by settings actions, and closes the account', async () => {
    await signUp()
    const { sub } = await finish()
    const newEmail = `new-${who.email}`
    const confirmed = async () => {
      await page.locator('main input[name=x_login_id]').fill(newEmail)
      await page.locator('main .button.primary').click()
      await page.locator('main input[name=x_code]').waitFor()
      await expect.poll(async () => (await messagesTo(provider.issuer, newEmail)).length).toBeGreaterThan(0)
      const text = (await messagesTo(provider.issuer, newEmail)).at(-1)?.text ?? ''
      await page.locator('main input[name=x_code]').fill(/\b\d{6}\b/.exec(text)?.[0] ?? '')
      await page.locator('main .button.primary').first().click()
    }
    await page.evaluate(() => window.authgear.refreshIDToken())
    await away(
      page.evaluate(([old, to]) => void window.authgear.startChangeEmail(old, { redirectURI: to }), [
        who.email,
        redirectURI(),
      ] as const),
      confirmed,
    )
    await page.evaluate(() => window.authgear.finishChangeEmail())
    expect(await userInfo()).toMatchObject({ sub, email: newEmail })

    await page.evaluate(() => window.authgear.refreshIDToken())
    await away(
      page.evaluate((to) => void window.authgear.startAddUsername({ redirectURI: to }), redirectURI()),
      async () => {
        await page.locator('main input[name=x_login_id]').fill('ana')
        await page.locator('main .button.primary').click()
      },
    )
    await page.evaluate(() => window.authgear.finishAddUsername())
    expect((await page.evaluate(() => window.authgear.fetchUserInfo())).preferredUsername).toBe('ana')

    await page.evaluate(() => window.authgear.refreshIDToken())
    await away(
      page.evaluate((to) => void window.authgear.startDeleteAccount({ redirectURI: to }), redirectURI()),
      async () => {
        await page.locator('main input[name=delete]').fill('DELETE')
        await page.locator('main .button.danger').click()
      },
    )
    await page.evaluate(() => window.authgear.finishDeleteAccount())
    expect(await page.evaluate(() => window.authgear.sessionState)).toBe('NO_SESSION')
    expect(await userInfo()).toEqual({ refused: 'invalid_grant' })
  })
})

test('S2: one sign-in of one person serves an app with tokens and an app with the cookie', async () => {
  await configure({ ...tokens, isSSOEnabled: true })
  await signUp()
  const { sub } = await finish()
  await configure(cookies)
  expect(await userInfo()).toMatchObject({ sub })
  const resolve = (headers: Record<string, string>) => fetch(`${provider.issuer}/_resolver/resolve`, { headers })
  const byCookie = (await context.cookies(provider.issuer)).map(({ name, value }) => `${name}=${value}`).join('; ')
  await configure({ ...tokens, isSSOEnabled: true })
  await userInfo()
  const byToken = await page.evaluate(() => window.authgear.accessToken)
  const answers = [await resolve({ cookie: byCookie }), await resolve({ authorization: `Bearer ${byToken}` })]
  expect(answers.map(({ headers }) => headers.get('x-authgear-user-id'))).toEqual([sub, sub])

  // One group: the sign-out of the one is that of the other.
  await configure(cookies)
  await page.evaluate((to) => void window.authgear.logout({ redirectURI: to }), redirectURI())
  await page.waitForURL(redirectURI())
  await configure({ ...tokens, isSSOEnabled: true })
  expect(await userInfo()).toEqual({ refused: 'invalid_grant' })
  expect(await page.evaluate(() => window.authgear.sessionState)).toBe('NO_SESSION')
})
