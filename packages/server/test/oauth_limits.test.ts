// Failures at the endpoints that clients call are counted by address; what succeeds is not (wire contract §2.5).
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import {
  type App,
  getTokens,
  type Json,
  openSite,
  type Params,
  query,
  refresh,
  type Site,
} from './support/oauth_client.ts'
import { headgear } from './support/store.ts'

const app: App = { client_id: 'spa', redirect_uri: 'https://app.test/', scope: 'openid offline_access' }

let server: Headgear
let site: Site
let serial = 0
let address = ''
/** Statements on buckets so far. */
let counted = 0

beforeAll(async () => {
  server = await headgear({
    trustProxy: ['127.0.0.0/8', '::1/128'],
    onStatement: (text) => {
      if (text.includes('rate_bucket') && !text.includes('ctid')) counted += 1
    },
  })
  const client = (client_id: string, x_application_type: string) => ({
    client_id,
    name: client_id,
    client_name: client_id,
    x_application_type,
    redirect_uris: ['https://app.test/'],
  })
  site = await openSite(server, {
    oauth: { clients: [client('web', 'confidential'), client('other', 'confidential'), client('spa', 'spa')] },
  })
})
beforeEach(() => {
  address = `203.0.113.${++serial}`
})
afterAll(() => server.stop())

async function post(path: string, form: Params, from = address) {
  const response = await fetch(`${site.origin}/oauth2/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': from },
    body: query(form),
  })
  const text = await response.text()
  const body = (text === '' ? {} : JSON.parse(text)) as Json
  return { status: response.status, error: body.error, retryAfter: response.headers.get('retry-after') }
}

const secretOf = (client_id: string) => site.made.client_secrets[client_id]
const asking = (client_id: string, client_secret: string | undefined) =>
  ({ grant_type: 'refresh_token', refresh_token: 'none', client_id, client_secret }) as Params

const tenAtOnce = <T>(work: () => Promise<T>) => Promise.all(Array.from({ length: 10 }, work))

/** Fails until that is too much: two a second are forgiven meanwhile. @returns how often it was not. */
async function untilLimited(fail: () => Promise<{ status: number }>): Promise<number> {
  for (let before = 0; before < 1000; ) {
    const statuses = (await tenAtOnce(fail)).map(({ status }) => status)
    before += statuses.filter((status) => status !== 429).length
    if (statuses.includes(429)) return before
  }
  throw new Error('no limit')
}

describe('wrong client secrets', () => {
  const paths = ['token', 'introspect', 'par', 'revoke', 'device_authorization']
  let turn = 0
  const wrong = () => post(paths[turn++ % paths.length] ?? '', { ...asking('web', 'wrong'), token: 'x' })

  test('are too many after 120 in a minute, wherever they are tried; then the right one is not told either', async () => {
    expect(await untilLimited(wrong)).toBeGreaterThanOrEqual(120)
    const limited = { status: 429, error: 'x_rate_limited', retryAfter: expect.stringMatching(/^\d+$/) }
    await vi.waitFor(
      async () => {
        await untilLimited(wrong)
        expect(await post('token', asking('web', secretOf('web')))).toEqual(limited)
      },
      { timeout: 20_000, interval: 0 },
    )
    // Nobody else suffers: not the client elsewhere, nor another client at this address.
    expect((await post('token', asking('web', secretOf('web')), '198.51.100.1')).error).toBe('invalid_grant')
    expect((await post('token', asking('other', secretOf('other')))).error).toBe('invalid_grant')
    await server.clock.advance(2000)
    expect((await post('token', asking('web', secretOf('web')))).error).toBe('invalid_grant')
  })

  test('that are few cost the client nothing', async () => {
    for (const { error } of await tenAtOnce(() => post('token', asking('web', 'wrong'))))
      expect(error).toBe('invalid_client')
    for (let batch = 0; batch < 20; batch++)
      for (const { error } of await tenAtOnce(() => post('token', asking('web', secretOf('web')))))
        expect(error).toBe('invalid_grant')
  })

  test('and clients that nobody knows are counted together', async () => {
    let unknown = 0
    expect(await untilLimited(() => post('token', asking(`nobody-${unknown++}`, 'x')))).toBeGreaterThanOrEqual(120)
  })
})

test('codes that never were are too many after 120 in a minute, and people behind the same address notice nothing', async () => {
  const { body } = await getTokens(site, app)
  const code = { grant_type: 'authorization_code', code: 'A'.repeat(32), code_verifier: 'x'.repeat(43) }
  const redeem = () => post('token', { ...code, client_id: 'spa', redirect_uri: app.redirect_uri })
  expect(await untilLimited(redeem)).toBeGreaterThanOrEqual(120)
  const good = { grant_type: 'refresh_token', client_id: 'spa', refresh_token: body.refresh_token }
  expect((await post('token', good)).status).toBe(200)
})

test('neither a load of good requests nor of tokens that refuse themselves is counted, nor looked up', async () => {
  let { refresh_token: token } = (await getTokens(site, app)).body
  const before = counted
  for (let turn = 0; turn < 130; turn++) {
    const { status, body } = await refresh(site, app, token, {}, { 'x-forwarded-for': address })
    expect(status).toBe(200)
    token = String(body.refresh_token)
  }
  for (let batch = 0; batch < 13; batch++)
    for (const { error } of await tenAtOnce(() => post('token', asking('spa', undefined))))
      expect(error).toBe('invalid_grant')
  expect(counted).toBe(before)
})
