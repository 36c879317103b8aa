// The second step on the pages, without script: set up at sign-up, asked for at login, changed in the settings.
import { TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DevelopmentProject } from '../src/dev/projects.ts'
import type { Headgear } from '../src/testing.ts'
import { type PlainBrowser, plainBrowser } from './support/browser.ts'
import { codeTo } from './support/flow_client.ts'
import { headgear } from './support/store.ts'

let server: Headgear
beforeAll(async () => {
  server = await headgear()
})
afterAll(() => server.stop())

const password = 'correct horse battery'
const email = 'ana@example.com'
const verification = { claims: { email: { enabled: false, required: false } } }

const required = { secondary_authenticators: ['totp'], secondary_authentication_mode: 'required' }
const projectWith = (authentication: object) => server.project({ verification, authentication })

const secretOn = (browser: PlainBrowser) =>
  (/id="secret">([^<]*)</.exec(browser.page.html)?.[1] ?? '').replaceAll(' ', '')
const codesOn = (browser: PlainBrowser) =>
  [...browser.page.html.matchAll(/<li><code>([^<]*)<\/code>/g)].map(([, code = '']) => code)

/** A code of the app that has not been used. */
async function fresh(secret: string): Promise<string> {
  await server.clock.advance(60_000)
  return new TOTP({ secret }).generate({ timestamp: server.clock.now().getTime() })
}

async function signUp(browser: PlainBrowser): Promise<void> {
  await browser.open('/signup')
  await browser.send({ x_login_id: email })
  await browser.send({ x_password: password, x_confirm_password: password })
}

async function signIn(project: DevelopmentProject, browser = plainBrowser(project)): Promise<PlainBrowser> {
  await browser.open('/login')
  await browser.send({ x_login_id: email })
  await browser.send({ x_password: password })
  return browser
}

const signOut = async (browser: PlainBrowser) => {
  await browser.open('/logout')
  await browser.send()
}

test('an app is set up and recovery codes are kept at sign-up (27); each way is found at login (15, 20)', async () => {
  const project = await projectWith(required)
  const browser = plainBrowser(project)
  await signUp(browser)
  expect(browser.page.url.pathname).toBe('/authflow/v2/setup_totp')
  const secret = secretOn(browser)
  expect(secret).toMatch(/^[A-Z2-7]{32}$/)
  expect(browser.page.html).toContain('src="data:image/svg+xml;base64,')
  await browser.send({ x_code: '000000' })
  expect(browser.page.text).toContain('Use the one your authenticator app shows now')
  expect(secretOn(browser)).toBe(secret)
  await browser.send({ x_code: await fresh(secret) })
  expect(browser.page.url.pathname).toBe('/authflow/v2/view_recovery_code')
  const page = browser.page
  const codes = codesOn(browser)
  expect(codes.length).toBe(16)
  const file = await browser.send({}, { form: { action: 'download' } })
  expect(file.headers.get('content-disposition')).toBe('attachment; filename="recovery-codes.txt"')
  expect(file.headers.get('cache-control')).toContain('no-store')
  for (const code of codes) expect(file.html).toContain(code)
  browser.restore(page)
  await browser.send({}, { form: { action: 'proceed' } })
  expect(browser.page.url.pathname).toBe('/settings')

  const again = await signIn(project)
  expect(again.page.url.pathname).toBe('/authflow/v2/enter_totp')
  await again.send({ x_code: '' })
  expect(again.page.text).toContain('Enter the code')
  await again.follow('recovery code')
  expect(again.page.url.pathname).toBe('/authflow/v2/enter_recovery_code')
  await again.send({ x_recovery_code: 'AAAAA-AAAAA' })
  expect(again.page.text).toContain('That recovery code isn’t right')
  await again.send({ x_recovery_code: codes[3] ?? '' })
  expect(again.page.url.pathname).toBe('/settings')
})

test('a trusted device is not asked (22), until its owner forgets all of them (23)', async () => {
  const project = await projectWith(required)
  const browser = plainBrowser(project)
  await signUp(browser)
  const secret = secretOn(browser)
  await browser.send({ x_code: await fresh(secret) })
  await browser.send({}, { form: { action: 'proceed' } })
  await signOut(browser)
  await signIn(project, browser)
  await browser.send({ x_code: await fresh(secret), x_device_token: 'true' })
  expect(browser.page.url.pathname).toBe('/settings')
  await signOut(browser)
  await signIn(project, browser)
  expect(browser.page.url.pathname).toBe('/settings')
  await browser.open('/settings/mfa')
  expect(browser.page.text).toContain('1 device skips it')
  await browser.send({}, { form: { action: 'revoke_device' } })
  expect(browser.page.text).toContain('1 device is no longer trusted')
  await signOut(browser)
  await signIn(project, browser)
  expect(browser.page.url.pathname).toBe('/authflow/v2/enter_totp')
  // Where everyone must have a second step, the last one stays.
  await browser.send({ x_code: await fresh(secret) })
  await browser.open('/settings/mfa/totp')
  await browser.follow('q_authenticator_id')
  await browser.send({}, { form: { action: 'remove' } })
  expect(browser.page.text).toContain('asks for two-step. Add another before removing this one')
})

test('in the settings each kind is added and removed, and codes are shown once and renewed', async () => {
  const project = await projectWith({ secondary_authenticators: ['totp', 'oob_otp_email', 'password'] })
  const browser = plainBrowser(project)
  await signUp(browser)
  await browser.open('/settings/mfa/create_totp')
  const secret = secretOn(browser)
  await browser.send({ x_code: await fresh(secret), x_display_name: 'My <phone>' })
  expect(browser.page.url.pathname).toBe('/settings/mfa/view_recovery_code')
  const first = codesOn(browser)
  expect(first.length).toBe(16)
  await browser.open('/settings/mfa/view_recovery_code')
  expect(codesOn(browser)).toEqual([])
  expect(browser.page.text).toContain('You have 16 left')
  await browser.follow('Get new codes')
  await browser.send({}, { form: { action: 'regenerate' } })
  expect(codesOn(browser).length).toBe(16)
  expect(codesOn(browser)).not.toContain(first[0])
  const second = codesOn(browser)
  await browser.open('/settings/mfa/totp')
  expect(browser.page.text).toContain('My <phone>')

  await browser.open('/settings/mfa/create_oob_otp_email')
  await browser.send({ x_target: 'second@example.com' })
  await browser.send({ x_code: '000000' })
  expect(browser.page.text).toContain('That code isn’t right')
  await browser.send({ x_code: codeTo(server, 'second@example.com') }, { form: { action: 'submit' } })
  expect(browser.page.text).toContain('second@example.com')
  await browser.open('/settings/mfa/create_password')
  await browser.send({ x_password: 'another good one', x_confirm_password: 'another good one' })
  await browser.open('/settings/mfa/change_password')
  await browser.send({
    x_old_password: 'wrong',
    x_new_password: 'a third good one',
    x_confirm_password: 'a third good one',
  })
  expect(browser.page.text).toContain('That isn’t your current password')
  await browser.send({
    x_old_password: 'another good one',
    x_new_password: 'a third good one',
    x_confirm_password: 'a third good one',
  })
  expect(browser.page.text).toContain('Your second password is changed')

  const login = await signIn(project)
  expect(login.page.text).toContain('Use a recovery code')
  await login.follow('recovery code')
  await login.send({ x_recovery_code: first[1] ?? '' })
  expect(login.page.text).toContain('That recovery code isn’t right')
  await login.send({ x_recovery_code: second[1] ?? '' })
  expect(login.page.url.pathname).toBe('/settings')

  for (const type of ['totp', 'oob_otp_email', 'password']) {
    await browser.open(`/settings/mfa/${type}`)
    await browser.follow('q_authenticator_id')
    await browser.send({}, { form: { action: 'remove' } })
    expect(browser.page.text).toContain('is removed')
  }
  await browser.open('/settings/mfa/view_recovery_code')
  expect(browser.page.text).toContain('You get them with your first second step')
  expect((await signIn(project)).page.url.pathname).toBe('/settings')
})

test('what is sealed in an address is good for its owner alone', async () => {
  const project = await projectWith({})
  const [ana, bo] = [plainBrowser(project), plainBrowser(project)]
  await signUp(ana)
  await bo.open('/signup')
  await bo.send({ x_login_id: 'bo@example.com' })
  await bo.send({ x_password: password, x_confirm_password: password })
  await ana.open('/settings/mfa/create_totp')
  const secret = secretOn(ana)
  await bo.open(ana.page.url.pathname + ana.page.url.search)
  expect(secretOn(bo)).not.toBe(secret)
  await ana.send({ x_code: await fresh(secret) })
  await bo.open(ana.page.url.pathname + ana.page.url.search)
  expect(codesOn(bo)).toEqual([])
})

test('an app that is set up is never shown again, not even at the address that showed it', async () => {
  const project = await projectWith({})
  const browser = plainBrowser(project)
  await signUp(browser)
  await browser.open('/settings/mfa/create_totp')
  const before = browser.page.url.pathname + browser.page.url.search
  const secret = secretOn(browser)
  await browser.send({ x_code: await fresh(secret) })
  await browser.open(before)
  expect(browser.page.url.pathname).toBe('/settings/mfa/totp')
  expect(browser.page.html).not.toContain(secret)
})

test('whoever guesses at the present password in the settings locks the account, as at sign-in (42)', async () => {
  const lock = { history_duration: '1h', minimum_duration: '10m', maximum_duration: '10m', lockout_type: 'per_user' }
  const project = await projectWith({ lockout: { max_attempts: 3, ...lock, password: { enabled: true } } })
  const browser = plainBrowser(project)
  await signUp(browser)
  await browser.open('/settings/change_password')
  const next = { x_new_password: 'another long one', x_confirm_password: 'another long one' }
  for (let guess = 0; guess < 2; guess++) await browser.send({ x_old_password: `guess ${guess}`, ...next })
  expect(browser.page.text).toContain('That isn’t your current password')
  await browser.send({ x_old_password: 'guess 3', ...next })
  expect(browser.page.text).toContain('is paused until')
  await browser.send({ x_old_password: password, ...next })
  expect(browser.page.text).toContain('is paused until')
  expect((await signIn(project)).page.text).toContain('is paused until')
})
