// Clients that bind their access tokens to a key (RFC 9449 §5.2): proofs under a nonce and used once, and tokens that
// are worth nothing without the key, at the token endpoint, at userinfo and at the resolver.
import { createHash, randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { deviceKey } from './support/device_key.ts'
import { dpopKey } from './support/dpop_key.ts'
import {
  type App,
  getCode,
  getTokens,
  openSite,
  redeem,
  refresh,
  type Site,
  tokenRequest,
  userinfo,
  verified,
} from './support/oauth_client.ts'
import { headgear, statementsOf } from './support/store.ts'

const fullAccess = 'https://authgear.com/scopes/full-access'
const bound: App = {
  client_id: 'bound',
  redirect_uri: 'https://app.test/',
  scope: `openid offline_access email ${fullAccess}`,
}
const plain: App = { ...bound, client_id: 'plain' }
const late: App = { ...bound, client_id: 'late' }
const web: App = { ...bound, client_id: 'web', scope: 'openid offline_access email' }

type Key = ReturnType<typeof dpopKey>

let server: Headgear
let site: Site
let token: string

const client = (client_id: string, more: Record<string, unknown> = {}) => ({
  client_id,
  name: client_id,
  client_name: client_id,
  x_application_type: 'native',
  redirect_uris: ['https://app.test/'],
  ...more,
})
const config = (lateIsBound: boolean) => ({
  authentication: { identities: ['login_id', 'biometric', 'anonymous'] },
  oauth: {
    clients: [
      client('bound', { dpop_bound_access_tokens: true }),
      client('plain'),
      client('late', { dpop_bound_access_tokens: lateIsBound }),
      client('web', { dpop_bound_access_tokens: true, x_application_type: 'confidential' }),
    ],
  },
})

beforeAll(async () => {
  server = await headgear()
  site = await openSite(server, config(false))
  web.secret = site.made.client_secrets.web
  token = `${site.origin}/oauth2/token`
})
afterAll(() => server.stop())

/** A nonce of the server, as a client gets it: by asking without one. */
async function newNonce(): Promise<string> {
  const form = { grant_type: 'refresh_token', client_id: 'bound', refresh_token: 'none' }
  const asked = await tokenRequest(site, form, { dpop: dpopKey().proof(token, server.clock.now()) })
  expect([asked.status, asked.body.error]).toEqual([400, 'use_dpop_nonce'])
  return asked.headers.get('dpop-nonce') ?? ''
}

async function proof(key: Key, claims: Record<string, unknown> = {}, url = token) {
  return { dpop: key.proof(url, server.clock.now(), { claims: { nonce: await newNonce(), ...claims } }) }
}

const hash = (text: string) => createHash('sha256').update(text).digest('base64url')

async function signIn(app: App, key: Key) {
  const got = await getCode(site, app)
  const { status, body } = await redeem(site, app, got, {}, await proof(key))
  expect(status).toBe(200)
  return { ...got, access: String(body.access_token), refresh: String(body.refresh_token), body }
}

describe('at the token endpoint', () => {
  test('a proof is required, and a nonce in it; the answer brings the next nonce', async () => {
    const key = dpopKey()
    const got = await getCode(site, bound)
    expect((await redeem(site, bound, got)).body.error).toBe('invalid_dpop_proof')
    const asked = await redeem(site, bound, got, {}, { dpop: key.proof(token, server.clock.now()) })
    expect([asked.status, asked.body.error]).toEqual([400, 'use_dpop_nonce'])
    const claims = { nonce: asked.headers.get('dpop-nonce') }
    const first = await redeem(site, bound, got, {}, { dpop: key.proof(token, server.clock.now(), { claims }) })
    expect([first.status, first.body.token_type]).toEqual([200, 'DPoP'])
    const next = { dpop: key.proof(token, server.clock.now(), { claims: { nonce: first.headers.get('dpop-nonce') } }) }
    expect((await refresh(site, bound, String(first.body.refresh_token), {}, next)).status).toBe(200)
  })

  test('a nonce is worth five minutes, at its own project', async () => {
    const key = dpopKey()
    const { refresh: text } = await signIn(bound, key)
    const old = { nonce: await newNonce() }
    await server.clock.advance(302_000)
    const other = await openSite(server, config(false))
    const elsewhere = await tokenRequest(
      other,
      { grant_type: 'refresh_token', client_id: 'bound', refresh_token: 'none' },
      { dpop: key.proof(`${other.origin}/oauth2/token`, server.clock.now()) },
    )
    for (const claims of [old, { nonce: elsewhere.headers.get('dpop-nonce') }, { nonce: 7 }, {}]) {
      const dpop = key.proof(token, server.clock.now(), { claims })
      expect((await refresh(site, bound, text, {}, { dpop })).body.error).toBe('use_dpop_nonce')
    }
  })

  test('a proof works once, also for two at the same time, and its replay costs the session nothing', async () => {
    const key = dpopKey()
    const { refresh: text } = await signIn(bound, key)
    const same = await proof(key)
    const answers = await Promise.all([1, 2, 3].map(() => refresh(site, bound, text, {}, same)))
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 400, 400])
    expect(answers.flatMap(({ body }) => body.error ?? [])).toEqual(['invalid_dpop_proof', 'invalid_dpop_proof'])
    expect((await refresh(site, bound, text, {}, await proof(key))).status).toBe(200)
    const jti = randomUUID()
    expect((await refresh(site, bound, text, {}, await proof(key, { jti }))).status).toBe(200)
    expect((await refresh(site, bound, text, {}, await proof(key, { jti }))).body.error).toBe('invalid_dpop_proof')
  })

  test('the access token is a JWT that names the key, whatever tokens the client has else', async () => {
    const key = dpopKey()
    const { access } = await signIn(bound, key)
    const { claims } = await verified(site, access, { audience: site.origin, typ: 'at+jwt' })
    expect(claims.cnf).toEqual({ jkt: key.jkt })
  })

  test('backends that verify it by themselves are told of its end', async () => {
    const { access, refresh: text } = await signIn(bound, dpopKey())
    await fetch(`${site.origin}/oauth2/revoke`, { method: 'POST', body: new URLSearchParams({ token: text }) })
    const feed = decodeJwt(await (await fetch(`${site.origin}/oauth2/revocations`)).text())
    const { sid, exp } = decodeJwt(access)
    expect(feed.entries).toContainEqual({ sid, exp })
  })

  test('the proof costs a refresh one statement more', async () => {
    const key = dpopKey()
    const { refresh: text } = await signIn(bound, key)
    const proved = await proof(key)
    expect(await statementsOf(server, () => refresh(site, bound, text, {}, proved))).toBe(2)
  })

  test('a public client keeps its key; one with a secret may change it', async () => {
    const [first, second] = [dpopKey(), dpopKey()]
    const own = await signIn(bound, first)
    expect((await refresh(site, bound, own.refresh, {}, await proof(second))).body.error).toBe('invalid_dpop_proof')
    const theirs = await signIn(web, first)
    const { body } = await refresh(site, web, theirs.refresh, {}, await proof(second))
    const { claims } = await verified(site, String(body.access_token), { audience: site.origin })
    expect(claims.cnf).toEqual({ jkt: second.jkt })
  })

  test('a session from before the client bound its tokens is bound by its next refresh', async () => {
    const { body } = await getTokens(site, late)
    await server.project({ id: site.made.id, ...config(true) })
    expect((await refresh(site, late, body.refresh_token)).body.error).toBe('invalid_dpop_proof')
    const key = dpopKey()
    const next = await refresh(site, late, body.refresh_token, {}, await proof(key))
    expect([next.status, next.body.token_type]).toEqual([200, 'DPoP'])
    const text = String(next.body.refresh_token ?? body.refresh_token)
    expect((await refresh(site, late, text, {}, await proof(dpopKey()))).body.error).toBe('invalid_dpop_proof')
    expect((await refresh(site, late, text, {}, await proof(key))).status).toBe(200)
    expect((await userinfo(site, body.access_token)).status).toBe(200)
  })

  test('other clients are never asked for a nonce, and may send a proof twice', async () => {
    const key = dpopKey()
    const once = { dpop: key.proof(token, server.clock.now()) }
    const first = await redeem(site, plain, await getCode(site, plain), {}, once)
    expect([first.status, first.body.token_type, first.headers.get('dpop-nonce')]).toEqual([200, 'Bearer', null])
    expect((await refresh(site, plain, String(first.body.refresh_token), {}, once)).status).toBe(200)
    expect((await userinfo(site, String(first.body.access_token))).status).toBe(200)
  })

  test('no token is made where no key can be proved', async () => {
    const made = await fetch(`${site.origin}/api/anonymous_user/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ session_type: 'refresh_token', client_id: 'bound' }),
    })
    expect(made.status).toBe(400)
  })

  test('grants that ask who is signed in take the token with its proof alone', async () => {
    const key = dpopKey()
    const { access } = await signIn(bound, key)
    const idToken = { grant_type: 'urn:authgear:params:oauth:grant-type:id-token', client_id: 'bound' }
    const authorization = `DPoP ${access}`
    const good = async () => await proof(key, { ath: hash(access) })
    expect((await tokenRequest(site, idToken, { authorization, ...(await good()) })).status).toBe(200)
    expect((await tokenRequest(site, idToken, { authorization, ...(await proof(key)) })).status).toBe(401)
    expect((await tokenRequest(site, idToken, { authorization: `Bearer ${access}`, ...(await good()) })).status).toBe(
      401,
    )

    const device = deviceKey()
    const setUp = async (headers: Record<string, string>) => {
      const asked = await fetch(`${site.origin}/oauth2/challenge`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ purpose: 'biometric_request' }),
      })
      const { result } = (await asked.json()) as { result: { token: string } }
      const device_info = { ios: { uname: { machine: 'iPhone17,3' } } }
      const jwt = device.request(
        'biometric',
        { challenge: result.token, action: 'setup', device_info },
        server.clock.now(),
      )
      return fetch(token, {
        method: 'POST',
        headers,
        body: new URLSearchParams({
          grant_type: 'urn:authgear:params:oauth:grant-type:biometric-request',
          client_id: 'bound',
          jwt,
        }),
      })
    }
    expect((await setUp({ authorization, ...(await proof(key)) })).status).toBe(401)
    expect((await setUp({ authorization, ...(await good()) })).status).toBe(200)
  })
})

describe('at userinfo', () => {
  async function ask(access: string, headers: Record<string, string>, scheme = 'DPoP') {
    const response = await fetch(`${site.origin}/oauth2/userinfo`, {
      headers: { authorization: `${scheme} ${access}`, ...headers },
    })
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    }
  }

  test('the token with a proof over it is answered, and with nothing less', async () => {
    const key = dpopKey()
    const url = `${site.origin}/oauth2/userinfo`
    const { access, who } = await signIn(bound, key)
    const claims = { htm: 'GET', ath: hash(access) }
    const good = await ask(access, await proof(key, claims, url))
    expect([good.status, good.body.sub]).toEqual([200, who.userId])
    expect(good.headers.get('dpop-nonce')).toMatch(/^[\w-]{27}$/)

    const refused: [string, Record<string, string>, string][] = [
      ['no proof', {}, 'invalid_dpop_proof'],
      ['of another key', await proof(dpopKey(), claims, url), 'invalid_token'],
      ['over another token', await proof(key, { ...claims, ath: hash('other') }, url), 'invalid_token'],
      ['over no token', await proof(key, { htm: 'GET' }, url), 'invalid_token'],
      ['for another method', await proof(key, { ...claims, htm: 'POST' }, url), 'invalid_dpop_proof'],
      ['for another address', await proof(key, claims, token), 'invalid_dpop_proof'],
      ['without a nonce', await proof(key, { ...claims, nonce: undefined }, url), 'use_dpop_nonce'],
    ]
    for (const [name, headers, error] of refused) {
      const answer = await ask(access, headers)
      expect([name, answer.status, answer.body.error]).toEqual([name, 401, error])
      expect(answer.headers.get('www-authenticate')).toMatch(new RegExp(`^DPoP error="${error}".*algs="ES256 RS256"`))
      expect(answer.headers.has('dpop-nonce')).toBe(error === 'use_dpop_nonce')
    }
  })

  test('a proof works once', async () => {
    const key = dpopKey()
    const { access } = await signIn(bound, key)
    const same = await proof(key, { htm: 'GET', ath: hash(access) }, `${site.origin}/oauth2/userinfo`)
    expect((await ask(access, same)).status).toBe(200)
    expect((await ask(access, same)).body.error).toBe('invalid_dpop_proof')
  })

  test('a bound token is no bearer token, and a bearer token is none that is bound', async () => {
    const key = dpopKey()
    const { access } = await signIn(bound, key)
    const headers = await proof(key, { htm: 'GET', ath: hash(access) }, `${site.origin}/oauth2/userinfo`)
    const asBearer = await ask(access, headers, 'Bearer')
    expect([asBearer.status, asBearer.body.error]).toEqual([401, 'invalid_grant'])
    const inBody = await fetch(`${site.origin}/oauth2/userinfo`, {
      method: 'POST',
      body: new URLSearchParams({ access_token: access }),
    })
    expect(inBody.status).toBe(401)
    const cookie = await fetch(`${site.origin}/oauth2/userinfo`, { headers: { cookie: `app_access_token=${access}` } })
    expect(cookie.status).toBe(401)

    const free = (await getTokens(site, plain)).body.access_token
    const proved = await proof(key, { htm: 'GET', ath: hash(free) }, `${site.origin}/oauth2/userinfo`)
    expect((await ask(free, proved)).body.error).toBe('invalid_token')
  })
})

describe('at the resolver', () => {
  const api = 'https://api.example.com/things?x=1'
  const original = { 'x-original-method': 'PUT', 'x-original-url': api }

  async function resolve(headers: Record<string, string>, query = '') {
    const response = await fetch(`${site.origin}/_resolver/resolve${query}`, { headers })
    return { status: response.status, valid: response.headers.get('x-authgear-session-valid'), response }
  }

  test('the token counts with a proof for the request that the proxy asks about', async () => {
    const key = dpopKey()
    const { access } = await signIn(bound, key)
    const authorization = `DPoP ${access}`
    const over = (claims: Record<string, unknown> = {}, by = key) =>
      by.proof('https://api.example.com/things', server.clock.now(), {
        claims: { htm: 'PUT', ath: hash(access), ...claims },
      })
    expect((await resolve({ authorization, ...original, dpop: over() })).valid).toBe('true')
    const traefik = {
      'x-forwarded-method': 'PUT',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'api.example.com',
      'x-forwarded-uri': '/things?x=1',
    }
    expect((await resolve({ authorization, ...traefik, dpop: over() })).valid).toBe('true')
    // The session is warm by now; it takes the key all the same.
    const hour = Math.floor(server.clock.now().getTime() / 1000) - 3600
    const refused: [string, Record<string, string>][] = [
      ['no proof', original],
      ['another key', { ...original, dpop: over({}, dpopKey()) }],
      ['another token', { ...original, dpop: over({ ath: hash('other') }) }],
      ['another method', { ...original, 'x-original-method': 'GET', dpop: over() }],
      ['another address', { ...original, 'x-original-url': 'https://api.example.com/other', dpop: over() }],
      ['an old proof', { ...original, dpop: over({ iat: hour }) }],
      ['a proxy that does not say what it asks about', { dpop: over() }],
    ]
    for (const [name, headers] of refused)
      expect([name, (await resolve({ authorization, ...headers })).valid]).toEqual([name, 'false'])
    const asBearer = { authorization: `Bearer ${access}`, ...original, dpop: over() }
    expect((await resolve(asBearer)).valid).toBe('false')
    const vouched = { ...original, dpop: over({ iat: hour, nonce: await newNonce() }) }
    expect((await resolve({ authorization, ...vouched })).valid).toBe('true')
  })

  test('with deny=401 says what it takes', async () => {
    const { access } = await signIn(bound, dpopKey())
    const { status, response } = await resolve({ authorization: `DPoP ${access}`, ...original }, '?deny=401')
    expect(status).toBe(401)
    expect(response.headers.get('www-authenticate')).toMatch(/^DPoP error="invalid_token", algs="ES256 RS256"/)
    expect(response.headers.get('dpop-nonce')).toMatch(/^[\w-]{27}$/)
  })
})
