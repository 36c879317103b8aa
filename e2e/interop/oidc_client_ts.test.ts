// S3, S5, S24: the library that single-page apps use, bundled by vite and run where it belongs.
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { answerPages, type Person } from '../support/person.ts'
import { type Bundle, serveBundle } from './bundle.ts'
import type { Settings } from './oidc_client_ts/main.ts'
import { clientId, type Provider, startProvider } from './provider.ts'

let provider: Provider
let app: Bundle
let origin: string

beforeAll(async () => {
  app = await serveBundle('oidc_client_ts')
  origin = app.origin
  provider = await startProvider({ spa: [origin] })
})
afterAll(async () => {
  await provider?.[Symbol.asyncDispose]()
  await app?.[Symbol.asyncDispose]()
})

let context: BrowserContext
let page: Page
let who: Person
beforeEach(async () => {
  ;({ context, page, who } = await provider.visitor())
})
afterEach(() => context?.close())

/** Opens the app with these settings beside what every app has. */
async function open(more: Partial<Settings> = {}): Promise<void> {
  const settings: Settings = {
    authority: provider.issuer,
    client_id: clientId('public', 'RS256'),
    redirect_uri: `${origin}/`,
    silent_redirect_uri: `${origin}/`,
    popup_redirect_uri: `${origin}/`,
    post_logout_redirect_uri: `${origin}/bye`,
    scope: 'openid email offline_access',
    loadUserInfo: true,
    automaticSilentRenew: false,
    ...more,
  }
  await page.goto(origin)
  await page.evaluate((text) => localStorage.setItem('settings', text), JSON.stringify(settings))
  await page.reload()
  await came('nothing')
}

async function came(what: string, where: Page = page): Promise<void> {
  await where.waitForFunction(() => window.came !== undefined)
  expect(await where.evaluate(() => window.came)).toBe(what)
}

async function signIn(parameters: Record<string, string | number> = {}): Promise<void> {
  await page.evaluate((args) => void window.manager.signinRedirect(args), parameters)
  await page.waitForURL((url) => url.origin === provider.issuer)
  await answerPages(page, who, { headgear: provider.issuer, until: origin })
  await came('signed in')
}

const user = () => page.evaluate(async () => ({ ...(await window.manager.getUser()) }))
const silently = () =>
  page.evaluate(() =>
    window.manager.signinSilent().then(
      (found) => ({ ...found }),
      (error: Error) => ({ error: error.message }),
    ),
  )

describe.each(['RS256', 'ES256'] as const)('a single-page app with %s', (alg) => {
  const settings = { client_id: clientId('public', alg) }

  test('signs a new person in and renews with the refresh token', async () => {
    await open(settings)
    await signIn({ prompt: 'create', max_age: 600 })
    const first = await user()
    expect(first).toMatchObject({
      token_type: 'Bearer',
      refresh_token: expect.any(String),
      profile: { iss: provider.issuer, email: who.email, email_verified: true },
    })
    const renewed = await silently()
    expect(renewed).toMatchObject({ profile: { sub: first.profile?.sub, email: who.email } })
    expect((renewed as typeof first).access_token).not.toBe(first.access_token)
  })
})

test('without a refresh token a frame renews, until the person is signed out', async () => {
  await open({ scope: 'openid email' })
  await signIn()
  const first = await user()
  expect(first.refresh_token).toBeUndefined()
  expect(await silently()).toMatchObject({ profile: { sub: first.profile?.sub } })
  await page.evaluate(() => void window.manager.signoutRedirect({ state: 'mine' }))
  await page.waitForURL(`${origin}/bye?*`)
  await came('signed out')
  expect(await silently()).toEqual({ error: 'nobody is signed in' })
})

test('the answer may come in the fragment, and into a popup', async () => {
  await open({ response_mode: 'fragment' })
  const [popup] = await Promise.all([
    context.waitForEvent('page'),
    page.evaluate(() => {
      window.came = ''
      void window.manager.signinPopup().then(
        () => {
          window.came = 'signed in'
        },
        (error: Error) => {
          window.came = error.message
        },
      )
    }),
  ])
  const closed = popup.waitForEvent('close')
  await Promise.race([closed, answerPages(popup, who, { headgear: provider.issuer, until: origin }).then(() => closed)])
  await page.waitForFunction(() => window.came !== '')
  await came('signed in')
  expect((await user()).profile?.email).toBe(who.email)
})

test('revoked tokens earn nothing more', async () => {
  await open()
  await signIn()
  const { refresh_token, access_token } = await user()
  await page.evaluate(() => window.manager.revokeTokens(['access_token', 'refresh_token']))
  const headers = { authorization: `Bearer ${access_token}` }
  const ask = async () => (await fetch(`${provider.issuer}/oauth2/userinfo`, { headers })).status
  await expect.poll(ask, { timeout: 1000, interval: 50 }).toBe(401)
  const form = {
    grant_type: 'refresh_token',
    client_id: clientId('public', 'RS256'),
    refresh_token: refresh_token ?? '',
  }
  const late = await fetch(`${provider.issuer}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) })
  expect(await late.json()).toMatchObject({ error: 'invalid_grant' })
})

test('a key that never leaves the browser binds code and tokens, nonces and all', async () => {
  // The library asks for userinfo with a bearer token only, which a bound token is not.
  await open({ client_id: clientId('bound', 'RS256'), dpop: true, loadUserInfo: false })
  const nonces: string[] = []
  page.on('request', (request) => {
    const proof = request.headers().dpop
    if (proof === undefined) return
    const claims = JSON.parse(Buffer.from(proof.split('.')[1] ?? '', 'base64url').toString()) as { nonce?: string }
    nonces.push(claims.nonce === undefined ? 'without' : 'with')
  })
  await signIn()
  expect((await user()).token_type).toBe('DPoP')
  expect(nonces).toEqual(['without', 'with'])
  expect(await silently()).toMatchObject({ token_type: 'DPoP' })
  expect(nonces.slice(2)).toEqual(['with'])

  const info = await page.evaluate(async (url) => {
    const found = await window.manager.getUser()
    if (found === null) return undefined
    const ask = async (nonce?: string) => {
      const dpop = (await window.manager.dpopProof(url, found, 'GET', nonce)) ?? ''
      return fetch(url, { headers: { authorization: `DPoP ${found.access_token}`, dpop } })
    }
    const first = await ask()
    const answer = first.ok ? first : await ask(first.headers.get('dpop-nonce') ?? '')
    return (await answer.json()) as { email?: string }
  }, `${provider.issuer}/oauth2/userinfo`)
  expect(info?.email).toBe(who.email)
})
