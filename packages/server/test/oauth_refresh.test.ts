// Refreshing over HTTP: rotation, scope, device facts, and the key that a token may be bound to.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { dpopKey } from './support/dpop_key.ts'
import {
  type App,
  getCode,
  getTokens,
  openSite,
  redeem,
  refresh,
  type Site,
  userinfo,
  verified,
} from './support/oauth_client.ts'
import { headgear, statementsOf } from './support/store.ts'

const spa: App = { client_id: 'spa', redirect_uri: 'https://spa.test/', scope: 'openid offline_access email' }
const still: App = { ...spa, client_id: 'still' }
const deaf: App = { ...spa, client_id: 'deaf' }
const web: App = { ...spa, client_id: 'web' }
const third: App = { ...spa, client_id: 'third' }

let server: Headgear
let site: Site
let token: string

beforeAll(async () => {
  server = await headgear()
  const client = (client_id: string, more: Record<string, unknown> = {}) => ({
    client_id,
    name: client_id,
    client_name: client_id,
    x_application_type: 'spa',
    redirect_uris: ['https://spa.test/'],
    ...more,
  })
  site = await openSite(server, {
    oauth: {
      clients: [
        client('spa'),
        client('still', { refresh_token_rotation_enabled: false }),
        client('deaf', { x_dpop_disabled: true }),
        client('web', { x_application_type: 'confidential' }),
        client('third', { x_application_type: 'third_party_app' }),
      ],
    },
  })
  web.secret = site.made.client_secrets.web
  third.secret = site.made.client_secrets.third
  token = `${site.origin}/oauth2/token`
})
afterAll(() => server.stop())

describe('a refresh', () => {
  test('S5: brings new tokens of the same session, with the same auth_time', async () => {
    const first = await getTokens(site, spa)
    await server.clock.advance(60_000)
    const { status, body } = await refresh(site, spa, first.body.refresh_token)
    expect(status).toBe(200)
    expect(Object.keys(body).sort()).toEqual(['access_token', 'expires_in', 'id_token', 'refresh_token', 'token_type'])
    expect(body.access_token).not.toBe(first.body.access_token)
    const [before, after] = await Promise.all([
      verified(site, first.body.id_token, { audience: 'spa' }),
      verified(site, String(body.id_token), { audience: 'spa' }),
    ])
    for (const name of ['iss', 'sub', 'sid', 'auth_time', 'amr'])
      expect(after.claims[name]).toEqual(before.claims[name])
    expect(after.claims.iat).toBeGreaterThan(before.claims.iat ?? 0)
    expect(after.claims.nonce).toBeUndefined()
    expect((await userinfo(site, String(body.access_token))).status).toBe(200)
  })

  test('brings no new refresh token where rotation is off', async () => {
    const first = await getTokens(site, still)
    const { body } = await refresh(site, still, first.body.refresh_token)
    expect(body.refresh_token).toBeUndefined()
    expect((await refresh(site, still, first.body.refresh_token)).status).toBe(200)
    // Confidential clients do not rotate unless told to.
    const confidential = await getTokens(site, web)
    expect((await refresh(site, web, confidential.body.refresh_token)).body.refresh_token).toBeUndefined()
  })

  test('of several at once answers all of them alike', async () => {
    const first = await getTokens(site, spa)
    const answers = await Promise.all(Array.from({ length: 6 }, () => refresh(site, spa, first.body.refresh_token)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1)
  })

  test('with a copy that comes back late ends the family', async () => {
    const first = await getTokens(site, spa)
    const second = String((await refresh(site, spa, first.body.refresh_token)).body.refresh_token)
    const third = String((await refresh(site, spa, second)).body.refresh_token)
    await server.clock.advance(31_000)
    expect((await refresh(site, spa, first.body.refresh_token)).body.error).toBe('invalid_grant')
    expect((await refresh(site, spa, third)).body.error).toBe('invalid_grant')
  })

  test.each([
    ['nothing', { refresh_token: undefined }, 'invalid_request'],
    ['garbage', { refresh_token: 'garbage' }, 'invalid_grant'],
    ['another client', { client_id: 'still' }, 'invalid_grant'],
    ['more scope than was granted', { scope: 'openid phone' }, 'invalid_scope'],
    ['a bad device', { x_device_info: 'e30' }, 'invalid_request'],
  ])('of %s changes nothing', async (_, changed, error) => {
    const first = await getTokens(site, spa)
    const { query: db } = server.node.world.db
    const row = () =>
      db
        .selectFrom('offline_grant')
        .select(['generation', 'ended_at'])
        .where('project_id', '=', site.made.id)
        .where('user_id', '=', first.who.userId)
        .executeTakeFirst()
    const before = await row()
    const refused = await refresh(site, spa, first.body.refresh_token, changed)
    expect([refused.status, refused.body.error]).toEqual([400, error])
    expect(await row()).toEqual(before)
  })

  test('may ask for less: then the access token says so, whatever form the client’s have', async () => {
    const first = await getTokens(site, third)
    const { body } = await refresh(site, third, first.body.refresh_token, { scope: 'openid' })
    expect(body.scope).toBe('openid')
    const { claims } = await verified(site, String(body.access_token), { audience: site.origin, typ: 'at+jwt' })
    expect(claims.scope).toBe('openid')
    expect((await userinfo(site, first.body.access_token)).body.email).toBe('ana@example.com')
    expect((await userinfo(site, String(body.access_token))).body.email).toBeUndefined()
  })

  test('takes one statement', async () => {
    const { body } = await getTokens(site, spa)
    expect(await statementsOf(server, () => refresh(site, spa, body.refresh_token))).toBe(1)
  })

  test('keeps the device when none is named, and takes a new one when it is', async () => {
    const info = (machine: string) => Buffer.from(JSON.stringify({ ios: { uname: { machine } } })).toString('base64url')
    const got = await getCode(site, spa)
    const first = await redeem(site, spa, got, { x_device_info: info('iPhone1,1') })
    const device = async () =>
      (
        await server.node.world.db.query
          .selectFrom('offline_grant')
          .select('device_info')
          .where('project_id', '=', site.made.id)
          .where('user_id', '=', got.who.userId)
          .executeTakeFirst()
      )?.device_info
    const second = await refresh(site, spa, String(first.body.refresh_token))
    expect(await device()).toEqual({ ios: { uname: { machine: 'iPhone1,1' } } })
    await refresh(site, spa, String(second.body.refresh_token), { x_device_info: info('iPhone2,2') })
    expect(await device()).toEqual({ ios: { uname: { machine: 'iPhone2,2' } } })
  })

  test.each([
    ['is disabled', { is_disabled: true }],
    ['waits to be deleted', { delete_at: new Date(4e12) }],
  ])('is over when the user %s', async (_, change) => {
    const first = await getTokens(site, spa)
    await server.node.world.db.query
      .updateTable('end_user')
      .set(change)
      .where('project_id', '=', site.made.id)
      .where('id', '=', first.who.userId)
      .execute()
    expect((await refresh(site, spa, first.body.refresh_token)).body.error).toBe('invalid_grant')
  })
})

describe.each(['ES256', 'RS256'] as const)('DPoP with %s', (alg) => {
  const key = dpopKey(alg)
  const proof = (bent = {}) => ({ dpop: key.proof(token, server.clock.now(), bent) })

  test('binds the refresh token to the key, which does not rotate then', async () => {
    const got = await getCode(site, spa, { params: { dpop_jkt: key.jkt } })
    const first = await redeem(site, spa, got, {}, proof())
    expect(first.body.token_type).toBe('Bearer')
    const text = String(first.body.refresh_token)
    const second = await refresh(site, spa, text, {}, proof())
    expect([second.status, second.body.refresh_token]).toEqual([200, undefined])
    expect((await refresh(site, spa, text)).body.error).toBe('invalid_dpop_proof')
    const stranger = { dpop: dpopKey(alg).proof(token, server.clock.now()) }
    expect((await refresh(site, spa, text, {}, stranger)).body.error).toBe('invalid_dpop_proof')
    expect((await refresh(site, spa, text, {}, proof())).status).toBe(200)
  })

  test('binds the code to the key that the request named', async () => {
    const got = await getCode(site, spa, { params: { dpop_jkt: key.jkt } })
    expect((await redeem(site, spa, got)).body.error).toBe('invalid_dpop_proof')
    expect((await redeem(site, spa, got, {}, { dpop: dpopKey(alg).proof(token, server.clock.now()) })).body.error).toBe(
      'invalid_dpop_proof',
    )
    expect((await redeem(site, spa, got, {}, proof())).status).toBe(200)
  })

  test.each([
    ['of another method', { claims: { htm: 'GET' } }],
    ['of another address', { claims: { htu: 'https://evil.test/oauth2/token' } }],
    ['without jti', { claims: { jti: undefined } }],
    ['without iat', { claims: { iat: undefined } }],
    ['of another type', { header: { typ: 'jwt' } }],
    ['with no algorithm', { header: { alg: 'none' } }],
    ['with another key in its header', { header: { jwk: { ...dpopKey(alg).privateJwk, d: undefined } } }],
    ['with a private key in its header', { header: { jwk: key.privateJwk } }],
    ['with a symmetric key', { header: { jwk: { kty: 'oct', k: 'AAAA' } } }],
    ['with a key that is a list', { header: { jwk: [] } }],
  ])('a proof %s makes no binding', async (_, bent) => {
    const got = await getCode(site, spa)
    const refused = await redeem(site, spa, got, {}, proof(bent))
    expect([refused.status, refused.body.error]).toEqual([400, 'invalid_dpop_proof'])
    expect((await redeem(site, spa, got, {}, proof())).status).toBe(200)
  })

  test('takes the address with a query, and the method in any case', async () => {
    const got = await getCode(site, spa)
    expect((await redeem(site, spa, got, {}, proof({ claims: { htm: 'post', htu: `${token}?x=1` } }))).status).toBe(200)
  })

  test('a wrong clock gets a nonce, and with it is right', async () => {
    const first = await redeem(site, spa, await getCode(site, spa), {}, proof())
    const wrong = { iat: Math.floor(server.clock.now().getTime() / 1000) - 4000 }
    const refused = await refresh(site, spa, String(first.body.refresh_token), {}, proof({ claims: wrong }))
    expect([refused.status, refused.body.error]).toEqual([400, 'use_dpop_nonce'])
    const nonce = refused.headers.get('dpop-nonce')
    expect(nonce).toMatch(/^[A-Za-z0-9_-]+$/)
    expect(
      (await refresh(site, spa, String(first.body.refresh_token), {}, proof({ claims: { ...wrong, nonce } }))).status,
    ).toBe(200)
    expect(
      (
        await refresh(
          site,
          spa,
          String(first.body.refresh_token),
          {},
          proof({ claims: { ...wrong, nonce: 'A'.repeat(27) } }),
        )
      ).body.error,
    ).toBe('use_dpop_nonce')
    await server.clock.advance(301_000)
    expect(
      (await refresh(site, spa, String(first.body.refresh_token), {}, proof({ claims: { ...wrong, nonce } }))).body
        .error,
    ).toBe('use_dpop_nonce')
  })

  test('a bad proof is nothing to a token that is not bound', async () => {
    const first = await getTokens(site, spa)
    expect((await refresh(site, spa, first.body.refresh_token, {}, { dpop: 'garbage' })).status).toBe(200)
    expect((await refresh(site, spa, first.body.refresh_token, {}, proof({ claims: { iat: 1 } }))).status).toBe(200)
  })

  test('is ignored where the client has it off, also by what was bound before', async () => {
    const first = await redeem(site, deaf, await getCode(site, deaf), {}, proof())
    expect((await refresh(site, deaf, String(first.body.refresh_token))).status).toBe(200)
    const { query: db } = server.node.world.db
    const got = await getCode(site, deaf)
    const second = await redeem(site, deaf, got)
    await db
      .updateTable('offline_grant')
      .set({ dpop_jkt: key.jkt })
      .where('project_id', '=', site.made.id)
      .where('user_id', '=', got.who.userId)
      .execute()
    expect((await refresh(site, deaf, String(second.body.refresh_token))).status).toBe(200)
  })

  test('two proofs are one too many', async () => {
    const got = await getCode(site, spa)
    const { dpop } = proof()
    expect((await redeem(site, spa, got, {}, { dpop: `${dpop}, ${dpop}` })).status).toBe(400)
  })
})
