// What a backend sees of the token-based integration: the resolver or its own look at the JWT, and when each hears of an end.
import { createLocalJWKSet, createRemoteJWKSet, customFetch, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { type App, getTokens, type Json, openSite, refresh, type Site } from './support/oauth_client.ts'
import { headgear } from './support/store.ts'

const redirect_uri = 'https://app.test/cb'
const scope = 'openid offline_access'
const opaque: App = { client_id: 'opaque', redirect_uri, scope }
const jwt: App = { client_id: 'jwt', redirect_uri, scope }
const client = (client_id: string, more: Record<string, unknown> = {}) => ({
  client_id,
  name: client_id,
  x_application_type: 'spa',
  redirect_uris: [redirect_uri],
  ...more,
})
const clients = [client('opaque'), client('jwt', { issue_jwt_access_token: true })]

let server: Headgear
let site: Site
beforeAll(async () => {
  server = await headgear()
  site = await openSite(server, { id: 'tokens', oauth: { clients } })
})
afterAll(() => server.stop())

/** What a backend does: the request that it got, forwarded with its headers. */
async function resolved(headers: Record<string, string>): Promise<[number, Record<string, string>, string]> {
  const response = await fetch(`${site.origin}/_resolver/resolve`, { headers })
  const told = [...response.headers].filter(([name]) => name.startsWith('x-authgear-'))
  return [response.status, Object.fromEntries(told), await response.text()]
}
const bearer = (token: unknown) => ({ authorization: `Bearer ${token}` })

/** What a backend does that asks nobody: discovery, keys, issuer, audience, expiry. */
async function verifier() {
  const discovery = await fetch(`${site.origin}/.well-known/openid-configuration`)
  const { issuer, jwks_uri } = (await discovery.json()) as { issuer: string; jwks_uri: string }
  const keys = createLocalJWKSet((await (await fetch(jwks_uri)).json()) as JSONWebKeySet)
  return async (token: string) => {
    const expected = { issuer, audience: issuer, typ: 'at+jwt', currentDate: server.clock.now() }
    return (await jwtVerify(token, keys, expected)).payload
  }
}

/** What the portal does when somebody presses "End session". */
async function endFromPortal(userId: string): Promise<void> {
  const id = Buffer.from(`User:${userId}`).toString('base64url')
  const asked = await server.admin(
    'query ($id: ID!) { node(id: $id) { ... on User { sessions { edges { node { id type } } } } } }',
    { id },
    site.made,
  )
  const { sessions } = asked.node as { sessions: { edges: { node: { id: string; type: string } }[] } }
  const grant = sessions.edges.find(({ node }) => node.type === 'OFFLINE_GRANT')?.node.id
  const end = 'mutation ($id: ID!) { revokeSession(input: { sessionID: $id }) { user { id } } }'
  await server.admin(end, { id: grant }, site.made)
}

describe.each([
  ['an opaque token', opaque],
  ['a JWT', jwt],
])('S7: with %s the resolver', (_, app) => {
  const no = [200, { 'x-authgear-session-valid': 'false' }, '']

  test('tells a backend who is calling', async () => {
    const { body, who } = await getTokens(site, app)
    expect(await resolved(bearer(body.access_token))).toEqual([
      200,
      {
        'x-authgear-session-valid': 'true',
        'x-authgear-user-id': who.userId,
        'x-authgear-user-anonymous': 'false',
        'x-authgear-user-verified': 'false',
        'x-authgear-user-can-reauthenticate': 'false',
        'x-authgear-session-amr': 'pwd',
        'x-authgear-session-authenticated-at': String(Math.floor(who.authTime.getTime() / 1000)),
      },
      '',
    ])
  })

  test('says nothing of who presents nothing, and no to what is expired, revoked or made up', async () => {
    expect(await resolved({})).toEqual([200, {}, ''])
    const { body } = await getTokens(site, app)
    const { access_token: token } = body
    for (const made of ['garbage', `${token}x`, token.slice(0, -1), body.refresh_token, body.id_token])
      expect(await resolved(bearer(made)), made).toEqual(no)
    const revoked = await getTokens(site, app)
    expect((await resolved(bearer(revoked.body.access_token)))[1]['x-authgear-session-valid']).toBe('true')
    await fetch(`${site.origin}/oauth2/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ token: revoked.body.refresh_token }),
    })
    await server.node.log.poll()
    expect(await resolved(bearer(revoked.body.access_token))).toEqual(no)
    await server.clock.advance(1_801_000)
    expect(await resolved(bearer(token))).toEqual(no)
  })
})

test('S9: a stock JOSE library accepts the JWT from discovery on, and nothing that is bent', async () => {
  const { body, who } = await getTokens(site, jwt)
  const verify = await verifier()
  expect(await verify(body.access_token)).toMatchObject({ sub: who.userId, client_id: 'jwt', scope })
  const [head = '', claims = '', signature = ''] = body.access_token.split('.')
  const part = (text: string, change: Json) =>
    Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(text, 'base64url').toString()), ...change })).toString(
      'base64url',
    )
  for (const [made, why] of [
    [`${head}.${part(claims, { sub: 'the boss' })}.${signature}`, /signature/],
    [`${part(head, { alg: 'none' })}.${claims}.`, /alg|Unsupported|signature/],
    [`${part(head, { kid: 'mine' })}.${claims}.${signature}`, /no applicable key/],
    [body.id_token, /"typ"|"aud"/],
  ] as const)
    await expect(verify(made)).rejects.toThrow(why)
  await server.clock.advance(1_801_000)
  await expect(verify(body.access_token)).rejects.toThrow(/"exp"/)
})

test('S10: a sign-out at /oauth2/revoke stops refresh and resolver; the JWT by itself only runs out', async () => {
  const { body } = await getTokens(site, jwt)
  const verify = await verifier()
  const token = new URLSearchParams({ token: body.refresh_token })
  expect((await fetch(`${site.origin}/oauth2/revoke`, { method: 'POST', body: token })).status).toBe(200)
  expect((await refresh(site, jwt, body.refresh_token)).body.error).toBe('invalid_grant')
  await server.node.log.poll()
  expect((await resolved(bearer(body.access_token)))[1]).toEqual({ 'x-authgear-session-valid': 'false' })
  expect(await verify(body.access_token)).toMatchObject({ client_id: 'jwt' })
})

test('S11: an end from the portal stops refresh and resolver at once, a JWT that nobody asks about at its expiry', async () => {
  const { body, who } = await getTokens(site, jwt)
  const verify = await verifier()
  expect((await resolved(bearer(body.access_token)))[1]['x-authgear-session-valid']).toBe('true')
  await endFromPortal(who.userId)
  expect((await refresh(site, jwt, body.refresh_token)).body.error).toBe('invalid_grant')
  await server.node.log.poll()
  expect((await resolved(bearer(body.access_token)))[1]).toEqual({ 'x-authgear-session-valid': 'false' })
  await server.clock.advance(1_700_000)
  expect(await verify(body.access_token)).toMatchObject({ client_id: 'jwt' })
  await server.clock.advance(101_000)
  await expect(verify(body.access_token)).rejects.toThrow(/"exp"/)
})

test('S12: the access token lifetime is each client’s own, and a change counts for the next token', async () => {
  const lifetimes = async () =>
    Promise.all(
      [opaque, jwt].map(async (app) => {
        const { body } = await getTokens(site, app)
        return { token: body.access_token, for: body.expires_in }
      }),
    )
  const verify = await verifier()
  const life = async (token: string) => {
    const { iat = 0, exp = 0 } = await verify(token)
    return exp - iat
  }
  const before = await lifetimes()
  expect(before.map((one) => one.for)).toEqual([1800, 1800])
  await server.project({
    id: 'tokens',
    oauth: {
      clients: clients.map((one) => (one.client_id === 'jwt' ? { ...one, access_token_lifetime_seconds: 300 } : one)),
    },
  })
  const after = await lifetimes()
  expect(after.map((one) => one.for)).toEqual([1800, 300])
  expect([await life(before[1]?.token ?? ''), await life(after[1]?.token ?? '')]).toEqual([1800, 300])
  await server.clock.advance(301_000)
  const valid = async (token = '') => (await resolved(bearer(token)))[1]['x-authgear-session-valid']
  expect([await valid(before[1]?.token), await valid(after[0]?.token), await valid(after[1]?.token)]).toEqual([
    'true',
    'true',
    'false',
  ])
})

test('S13: a hundred JWTs verified are one request for the keys, and none to the resolver', async () => {
  const { body } = await getTokens(site, jwt)
  let asked = 0
  const keys = createRemoteJWKSet(new URL(`${site.origin}/oauth2/jwks`), {
    [customFetch]: (...request: Parameters<typeof fetch>) => {
      asked += 1
      return fetch(...request)
    },
  })
  for (let time = 0; time < 100; time++)
    await jwtVerify(body.access_token, keys, {
      issuer: site.origin,
      audience: site.origin,
      currentDate: server.clock.now(),
    })
  expect(asked).toBe(1)
})
