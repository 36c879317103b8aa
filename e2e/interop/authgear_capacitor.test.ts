// S1: the published Capacitor SDK, unmodified, in the web view of an app: DPoP, device, biometrics, system browser.
import type { ConfigureOptions } from '@authgear/capacitor'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Bundle, serveBundle } from './bundle.ts'
import { type PhoneNative, plugIn } from './phone_native.ts'
import { type Provider, startProvider } from './provider.ts'

const redirectURI = 'com.example.notes://host/callback'
const password = 'correct horse battery staple'
const webPage = 'https://notes.example.test/page'

let provider: Provider
let app: Bundle
beforeAll(async () => {
  app = await serveBundle('authgear_capacitor')
  const preAuthenticated = { x_pre_authenticated_url_enabled: true }
  provider = await startProvider({
    clients: [
      {
        client_id: 'app',
        name: 'Notes',
        x_application_type: 'native',
        // The web view's own origin stands among them, as the SDK's guide has it: then it may call the endpoints.
        redirect_uris: [redirectURI, `${app.origin}/`],
        ...preAuthenticated,
      },
      {
        client_id: 'web',
        name: 'Notes on the web',
        x_application_type: 'spa',
        redirect_uris: [webPage],
        x_pre_authenticated_url_allowed_origins: [new URL(webPage).origin],
        ...preAuthenticated,
      },
    ],
    config: {
      authentication: { identities: ['login_id', 'biometric'], primary_authenticators: ['password'] },
      identity: { login_id: { keys: [{ type: 'username' }] } },
      account_deletion: { scheduled_by_end_user_enabled: true },
    },
  })
})
afterAll(async () => {
  await provider?.[Symbol.asyncDispose]()
  await app?.[Symbol.asyncDispose]()
})

let context: BrowserContext
let view: Page
let phone: PhoneNative
let username: string
let serial = 0
beforeEach(async () => {
  context = await provider.browser.newContext()
  phone = await plugIn(context, provider.browser)
  view = await context.newPage()
  username = `ana${++serial}`
})
afterEach(async () => {
  await context?.close()
  expect(phone.troubles).toEqual([])
})

/** Starts the app, or starts it again: what was in memory is gone. */
async function start(more: Partial<ConfigureOptions> = {}): Promise<void> {
  const options = { endpoint: provider.issuer, clientID: 'app', ...more }
  await view.goto(app.origin)
  await view.evaluate((text) => localStorage.setItem('options', text), JSON.stringify(options))
  await view.reload()
  await view.waitForFunction(() => window.ready)
}

const submit = async (page: Page, fields: Record<string, string>, button = 'primary') => {
  for (const [name, value] of Object.entries(fields)) await page.locator(`main input[name=${name}]`).fill(value)
  await page.locator(`main .button.${button}`).first().click()
}
async function signUp() {
  phone.next = async (page) => {
    await submit(page, { x_login_id: username })
    await submit(page, { x_password: password })
  }
  return view.evaluate(
    async (to) => (await window.app.authenticate({ redirectURI: to, page: 'signup' })).userInfo,
    redirectURI,
  )
}
const userInfo = () => view.evaluate(() => window.app.fetchUserInfo())
const advance = (seconds: number) =>
  fetch(`${provider.issuer}/_dev/clock`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ advance_seconds: seconds }),
  })
const biometrics = {
  ios: { localizedReason: '', constraint: 'userPresence', policy: 'deviceOwnerAuthentication' },
  android: {
    title: '',
    subtitle: '',
    description: '',
    negativeButtonText: '',
    constraint: ['BIOMETRIC_STRONG'],
    invalidatedByBiometricEnrollment: true,
  },
} as never

describe('S1: the Capacitor SDK', () => {
  test('signs up, renews after a restart, calls a backend, and signs out', async () => {
    await start()
    const sent: string[] = []
    view.on('request', (request) => {
      const { dpop } = request.headers()
      if (dpop !== undefined) sent.push(new URL(request.url()).pathname)
    })
    const { sub, preferredUsername } = await signUp()
    expect(preferredUsername).toBe(username)
    expect(sent).toEqual(['/.well-known/openid-configuration', '/oauth2/token', '/oauth2/userinfo'])
    await start()
    expect((await userInfo()).sub).toBe(sub)
    const known = await view.evaluate(
      async (url) => (await window.app.fetch(url)).status,
      `${provider.issuer}/oauth2/userinfo`,
    )
    expect(known).toBe(200)
    await view.evaluate(() => window.app.logout())
    expect(await view.evaluate(() => window.app.sessionState)).toBe('NO_SESSION')
    await start()
    expect(await view.evaluate(() => window.app.sessionState)).toBe('NO_SESSION')
  })

  test('has the person confirm, then signs in by biometrics alone', async () => {
    await start()
    const { sub } = await signUp()
    await view.evaluate(() => window.app.refreshIDToken())
    const time = () => view.evaluate(() => window.app.getAuthTime()?.getTime() ?? 0)
    const before = await time()
    await advance(60)
    phone.next = (page) => submit(page, { x_password: password })
    await view.evaluate((to) => window.app.reauthenticate({ redirectURI: to }), redirectURI)
    expect((await time()) - before).toBeGreaterThanOrEqual(60_000)

    await view.evaluate((options) => window.app.enableBiometric(options), biometrics)
    await view.evaluate(() => window.app.logout())
    const enter = () =>
      view.evaluate(async (options) => (await window.app.authenticateBiometric(options)).userInfo, biometrics)
    expect((await enter()).sub).toBe(sub)
    await start()
    expect((await userInfo()).sub).toBe(sub)
  })

  test('opens the settings, changes the password, and closes the account', async () => {
    await start()
    const { sub } = await signUp()
    await view.evaluate(() => window.app.open('/settings' as never))
    expect(new URL(phone.shown).pathname).toBe('/settings')
    await view.evaluate(() => window.app.refreshIDToken())
    phone.next = (page) => submit(page, { x_old_password: password, x_new_password: `${password} 2` })
    await view.evaluate((to) => window.app.changePassword({ redirectURI: to }), redirectURI)
    expect((await userInfo()).sub).toBe(sub)
    phone.next = (page) => submit(page, { delete: 'DELETE' }, 'danger')
    await view.evaluate((to) => window.app.deleteAccount({ redirectURI: to }), redirectURI)
    expect(await view.evaluate(() => window.app.sessionState)).toBe('NO_SESSION')
  })

  test('signs a web app in by a pre-authenticated URL', async () => {
    await start({ preAuthenticatedURLEnabled: true })
    const { sub } = await signUp()
    await start({ preAuthenticatedURLEnabled: true })
    expect((await userInfo()).sub).toBe(sub)
    const url = await view.evaluate(
      (to) => window.app.makePreAuthenticatedURL({ webApplicationClientID: 'web', webApplicationURI: to }),
      webPage,
    )
    const web = await provider.browser.newContext()
    const opened = await web.request.get(url, { maxRedirects: 0 }) // nobody serves the web app here
    expect([opened.status(), opened.headers().location]).toEqual([303, webPage])
    expect(await (await web.request.get(`${provider.issuer}/oauth2/userinfo`)).json()).toMatchObject({ sub })
    await web.close()
  })
})
