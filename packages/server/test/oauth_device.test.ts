// Signing in a device that has no browser (RFC 8628): the device over HTTP, its person in a browser without script.
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { formsOf, type PlainBrowser, plainBrowser } from './support/browser.ts'
import { dpopKey } from './support/dpop_key.ts'
import {
  type Json,
  openSite,
  type Params,
  query,
  refresh,
  type Site,
  tokenRequest,
  userinfo,
} from './support/oauth_client.ts'
import { headgear, onPostgres } from './support/store.ts'

const grantType = 'urn:ietf:params:oauth:grant-type:device_code'
const password = 'correct horse battery'
let server: Headgear
let site: Site

beforeAll(async () => {
  server = await headgear({ trustProxy: ['127.0.0.0/8', '::1/128'] })
  const client = (client_id: string, x_application_type: string, more: Record<string, unknown> = {}) => ({
    client_id,
    name: client_id,
    client_name: client_id,
    x_application_type,
    grant_types: [grantType, 'refresh_token'],
    ...more,
  })
  site = await openSite(server, {
    localization: { supported_languages: ['en', 'zh-TW'] },
    authentication: { primary_authenticators: ['password'] },
    identity: { login_id: { keys: [{ type: 'username' }] } },
    oauth: {
      clients: [
        client('Television', 'native'),
        client('single', 'native', { x_max_concurrent_session: 1 }),
        client('box', 'confidential'),
        client('Stranger', 'third_party_app'),
        client('own-pages', 'native', { x_custom_ui_uri: 'https://pages.test/in' }),
        client('phone', 'native', { grant_types: ['refresh_token'], redirect_uris: ['https://app.test/'] }),
      ],
    },
  })
})
afterAll(() => server.stop())

type Codes = { device_code: string; user_code: string; verification_uri: string; verification_uri_complete: string }

async function begin(client_id = 'Television', form: Params = {}) {
  const response = await fetch(`${site.origin}/oauth2/device_authorization`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: query({ client_id, client_secret: site.made.client_secrets[client_id], ...form }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Json }
}

async function codes(client_id?: string, form?: Params): Promise<Codes> {
  const { status, body } = await begin(client_id, form)
  expect([status, body.error]).toEqual([200, undefined])
  return body as unknown as Codes
}

const poll = (device_code: string, client_id = 'Television', headers: Record<string, string> = {}) =>
  tokenRequest(
    site,
    { grant_type: grantType, device_code, client_id, client_secret: site.made.client_secrets[client_id] },
    headers,
  )

let serial = 0
async function person(headers: Record<string, string> = {}): Promise<PlainBrowser & { name: string }> {
  const name = `ana${++serial}`
  const browser = plainBrowser(site.made, { headers })
  await browser.open('/signup')
  await browser.send({ x_login_id: name })
  await browser.send({ x_password: password, x_confirm_password: password })
  expect(browser.page.url.pathname).toBe('/settings')
  return Object.assign(browser, { name })
}

/** Types the code and goes on as the account that is signed in, up to the question. */
async function typed(browser: PlainBrowser, code: string) {
  await browser.open('/device')
  await browser.send({ user_code: code })
  if (browser.page.url.pathname === '/authflow/v2/select_account')
    await browser.send({}, { form: { action: 'continue' } })
  return browser.page
}

const allow = (browser: PlainBrowser) => browser.send({ x_action: 'consent' })

/** Lets several come as far as the device's row before the first goes on. */
async function besideEachOther<T>(start: () => Promise<T>[]): Promise<Promise<T>[]> {
  const held = await server.node.world.db.query.transaction().execute(async (tx) => {
    await sql`select 1 from device_authorization where project_id = ${site.made.id} for update`.execute(tx)
    const started = start()
    await vi.waitFor(async () => {
      const { rows } = await sql`select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`.execute(tx)
      expect(rows.length).toBeGreaterThan(1)
    }, 10_000)
    return { started }
  })
  return held.started
}

describe('a device', () => {
  test('gets two codes, and waits for its person', async () => {
    const { status, headers, body } = await begin()
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(body).toEqual({
      device_code: expect.stringMatching(/^[\w-]{32}$/),
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      verification_uri: `${site.origin}/device`,
      verification_uri_complete: `${site.origin}/device?user_code=${body.user_code}`,
      expires_in: 600,
      interval: 5,
    })
    const waiting = await poll(String(body.device_code))
    expect([waiting.status, waiting.body.error]).toEqual([400, 'authorization_pending'])
    expect((await fetch(`${site.origin}/oauth2/device_authorization`)).status).toBe(405)
  })

  test('is signed in by somebody who creates an account on the way', async () => {
    const { device_code, user_code } = await codes()
    const browser = plainBrowser(site.made)
    await browser.open('/device')
    expect([browser.page.heading, browser.page.status]).toEqual(['Connect a device', 200])
    await browser.send({ user_code: ` ${user_code.toLowerCase().replace('-', ' ')} ` })
    expect(browser.page.url.pathname).toBe('/signup')
    const name = `ana${++serial}`
    await browser.send({ x_login_id: name })
    await browser.send({ x_password: password, x_confirm_password: password })
    expect(browser.page.heading).toBe('Sign in to Television on your device?')
    expect(browser.page.text).toContain(user_code)
    expect((await poll(device_code)).body.error).toBe('authorization_pending')
    await server.clock.advance(5000)
    expect((await allow(browser)).heading).toBe('Your device is signed in')

    const { status, body } = await poll(device_code)
    expect([status, body.token_type]).toEqual([200, 'Bearer'])
    const info = await userinfo(site, String(body.access_token))
    expect(info.body.preferred_username).toBe(name)
    expect(
      (await refresh(site, { client_id: 'Television', redirect_uri: '', scope: '' }, String(body.refresh_token)))
        .status,
    ).toBe(200)
  })

  test('is refused when its person says no', async () => {
    const browser = await person()
    const { device_code, user_code } = await codes()
    const page = await typed(browser, user_code)
    expect(page.text).toContain(`It will be signed in as ${browser.name}.`)
    const denied = await browser.send({ x_action: 'cancel' })
    expect(denied.heading).toBe('Nothing was connected')
    for (const _ of [1, 2]) expect((await poll(device_code)).body.error).toBe('access_denied')
    expect((await typed(browser, user_code)).text).toContain('That code has run out.')
  })

  test('that asks too often is told to slow down, and must from then on', async () => {
    const { device_code } = await codes()
    const errors: unknown[] = []
    for (const seconds of [0, 2, 8, 15, 15, 15]) {
      await server.clock.advance(seconds * 1000)
      errors.push((await poll(device_code)).body.error)
    }
    const pending = 'authorization_pending'
    expect(errors).toEqual([pending, 'slow_down', 'slow_down', pending, pending, pending])
  })

  test('is too late after ten minutes, whatever its person decides', async () => {
    const browser = await person()
    const [waiting, approved] = [await codes(), await codes()]
    await server.clock.advance(400_000)
    await typed(browser, approved.user_code)
    await allow(browser)
    await typed(browser, waiting.user_code)
    await server.clock.advance(201_000)
    expect((await allow(browser)).text).toContain('That code has run out.')
    for (const { device_code } of [waiting, approved])
      expect((await poll(device_code)).body.error).toBe('expired_token')
    expect((await typed(browser, waiting.user_code)).text).toContain('That code has run out.')
  })

  test('that asks many times at once is signed in once', async () => {
    const browser = await person()
    const { device_code, user_code } = await codes()
    await typed(browser, user_code)
    await allow(browser)
    const polls = () => [1, 2, 3, 4, 5].map(() => poll(device_code))
    const answers = await Promise.all(onPostgres ? await besideEachOther(polls) : polls())
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400, 400])
    const errors = answers.flatMap(({ body }) => body.error ?? [])
    expect(new Set(errors)).toEqual(new Set(['invalid_grant']))
    expect((await poll(device_code)).body.error).toBe('invalid_grant')
  })

  test('keeps its session when the browser that approved it signs out', async () => {
    const browser = await person()
    const { device_code, user_code } = await codes()
    await typed(browser, user_code)
    await allow(browser)
    const { body } = await poll(device_code)
    await browser.open('/logout')
    await browser.send({}, { form: { action: 'logout' } })
    expect((await userinfo(site, String(body.access_token))).status).toBe(200)
  })

  test('gets nothing for a user who was disabled, or took the permission back, meanwhile', async () => {
    const { query: db } = server.node.world.db
    for (const change of ['disabled', 'withdrawn']) {
      const browser = await person()
      const { device_code, user_code } = await codes()
      await typed(browser, user_code)
      await allow(browser)
      if (change === 'withdrawn')
        await db.deleteFrom('authorization_record').where('project_id', '=', site.made.id).execute()
      else await db.updateTable('end_user').set({ is_disabled: true }).where('project_id', '=', site.made.id).execute()
      expect([change, (await poll(device_code)).body.error]).toEqual([change, 'invalid_grant'])
      await db.updateTable('end_user').set({ is_disabled: false }).where('project_id', '=', site.made.id).execute()
    }
  })

  test('with a key gets a session that is bound to it', async () => {
    const browser = await person()
    const key = dpopKey()
    const { device_code, user_code } = await codes()
    await typed(browser, user_code)
    await allow(browser)
    const proof = () => ({ dpop: key.proof(`${site.origin}/oauth2/token`, server.clock.now()) })
    expect((await poll(device_code, 'Television', { dpop: 'garbage' })).body.error).toBe('invalid_dpop_proof')
    const { body } = await poll(device_code, 'Television', proof())
    const app = { client_id: 'Television', redirect_uri: '', scope: '' }
    expect((await refresh(site, app, String(body.refresh_token))).body.error).toBe('invalid_dpop_proof')
    expect((await refresh(site, app, String(body.refresh_token), {}, proof())).status).toBe(200)
  })

  test('ends the session of the one before, for a client that allows one', async () => {
    const browser = await person()
    const made: string[] = []
    for (const _ of [1, 2]) {
      const { device_code, user_code } = await codes('single')
      await typed(browser, user_code)
      await allow(browser)
      made.push(String((await poll(device_code, 'single')).body.access_token))
    }
    const [first = '', second = ''] = made
    await server.node.log.poll()
    expect([(await userinfo(site, first)).status, (await userinfo(site, second)).status]).toEqual([401, 200])
  })
})

describe('a client', () => {
  test('must list the grant, prove itself, and ask for scopes that it may have', async () => {
    expect((await begin('phone')).body.error).toBe('unauthorized_client')
    expect((await begin('nobody')).body.error).toBe('invalid_client')
    expect((await begin('box', { client_secret: 'wrong' })).body.error).toBe('invalid_client')
    expect((await begin('Television', { scope: 'openid nonsense' })).body.error).toBe('invalid_scope')
    expect((await begin('Television', { scope: 'email' })).body.error).toBe('invalid_scope')
  })

  test('redeems its own codes only, and a wrong try spends nothing', async () => {
    const browser = await person()
    const { device_code, user_code } = await codes('box', { scope: 'openid' })
    await typed(browser, user_code)
    await allow(browser)
    expect((await poll(device_code, 'Television')).body.error).toBe('invalid_grant')
    expect((await poll('x'.repeat(32), 'box')).body.error).toBe('invalid_grant')
    const { body } = await poll(device_code, 'box')
    expect([typeof body.access_token, body.refresh_token]).toEqual(['string', undefined])
    expect((await tokenRequest(site, { grant_type: grantType, client_id: 'Television' })).body.error).toBe(
      'invalid_request',
    )
  })

  test('of a third party says what it wants', async () => {
    const browser = await person()
    const { user_code } = await codes('Stranger', { scope: 'openid email offline_access' })
    const page = await typed(browser, user_code)
    expect(page.text).toContain('See your email address')
    const { user_code: ours } = await codes('Television', { scope: 'openid email' })
    expect((await typed(browser, ours)).text).not.toContain('See your email address')
  })

  test('with pages of its own signs people in there', async () => {
    const browser = plainBrowser(site.made)
    const { user_code } = await codes('own-pages')
    await browser.open('/device')
    await browser.send({ user_code })
    expect(browser.page.url.origin).toBe('https://pages.test')
    expect(browser.page.url.searchParams.get('x_ref')).toMatch(/^[\w-]{32}$/)
  })
})

describe('the page for codes', () => {
  test('is filled in by the complete address, and asks all the same', async () => {
    const browser = await person()
    const { device_code, user_code, verification_uri_complete } = await codes()
    await browser.open(verification_uri_complete)
    expect(formsOf(browser.page.html)[0]?.fields.get('user_code')).toBe(user_code)
    expect((await poll(device_code)).body.error).toBe('authorization_pending')
    await browser.send()
    await browser.send({}, { form: { action: 'continue' } })
    expect(browser.page.heading).toBe('Sign in to Television on your device?')
  })

  test('says in the language asked for what is wrong with a code, and keeps it', async () => {
    const browser = plainBrowser(site.made)
    await browser.open('/device?ui_locales=zh-TW')
    expect(browser.page.heading).toBe('連結裝置')
    await browser.open('/device?ui_locales=en')
    await browser.send({ user_code: '' })
    expect(browser.page.text).toContain('Enter the code.')
    for (const wrong of ['BCDF-GHJK', 'AEIO-UAEI', 'nonsense'.repeat(9), '<b>']) {
      await browser.send({ user_code: wrong })
      expect([browser.page.status, browser.page.title]).toEqual([200, expect.stringMatching(/^Error: /)])
      expect(browser.page.text).toContain('We don’t know that code.')
      expect(formsOf(browser.page.html)[0]?.fields.get('user_code')).toBe(wrong.slice(0, 20))
    }
    const elsewhere = await openSite(server, {})
    const stranger = plainBrowser(elsewhere.made)
    await stranger.open('/device')
    await stranger.send({ user_code: (await codes()).user_code })
    expect(stranger.page.text).toContain('We don’t know that code.')
  })

  test('lets nobody guess: wrong codes are counted by address, right ones are not', async () => {
    const from = (address: string) => plainBrowser(site.made, { headers: { 'x-forwarded-for': address } })
    const [guesser, neighbour] = [from('203.0.113.7'), from('203.0.113.8')]
    const { user_code } = await codes()
    for (let turn = 0; turn < 12; turn++) {
      await guesser.open('/device')
      await guesser.send({ user_code })
      expect(guesser.page.url.pathname).toBe('/signup')
    }
    for (let turn = 0; turn < 10; turn++) {
      await guesser.open('/device')
      await guesser.send({ user_code: 'BCDF-GHJK' })
      expect(guesser.page.status).toBe(200)
    }
    for (const code of ['BCDF-GHJK', user_code]) {
      await guesser.open('/device')
      await guesser.send({ user_code: code })
      expect([guesser.page.status, guesser.page.headers.get('retry-after')]).toEqual([
        429,
        expect.stringMatching(/^\d+$/),
      ])
    }
    await neighbour.open('/device')
    await neighbour.send({ user_code })
    expect(neighbour.page.url.pathname).toBe('/signup')
    await server.clock.advance(60_000)
    await guesser.open('/device')
    await guesser.send({ user_code })
    expect(guesser.page.url.pathname).toBe('/signup')
  })

  test('and the question after it take nothing from another site', async () => {
    const browser = await person()
    const { device_code, user_code } = await codes()
    await browser.post('/device', { user_code }, { 'sec-fetch-site': 'cross-site' })
    expect(browser.page.url.pathname).toBe('/device')
    await typed(browser, user_code)
    const question = browser.page.url.href
    const forged = await browser.post(question, { x_action: 'consent' }, { 'sec-fetch-site': 'cross-site' })
    expect(forged.status).toBe(403)
    expect((await poll(device_code)).body.error).toBe('authorization_pending')
    const stranger = plainBrowser(site.made)
    await stranger.post(question, { x_action: 'consent' })
    await server.clock.advance(6000)
    expect((await poll(device_code)).body.error).toBe('authorization_pending')
  })

  test('a second press of the button says the same, and a later no changes nothing', async () => {
    const browser = await person()
    const { device_code, user_code } = await codes()
    const question = await typed(browser, user_code)
    await allow(browser)
    for (const x_action of ['consent', 'cancel']) {
      browser.restore(question)
      expect((await browser.send({ x_action })).heading).toBe('Your device is signed in')
    }
    expect((await browser.open(question.url.href)).heading).toBe('Your device is signed in')
    expect((await poll(device_code)).status).toBe(200)
  })
})
