// An API whose callers bring JWT access tokens of a real Headgear.

import { type Headgear, startHeadgear } from 'headgear/testing'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevelopmentProject } from '../../server/src/dev/projects.ts'
import { type Caller, refusal, type Verifier, type VerifierOptions, verifier } from '../src/index.ts'
import { eventually } from './support/eventually.ts'
import { openWire, type Wire } from './support/wire.ts'

let server: Headgear
let project: DevelopmentProject
const opened: Verifier[] = []
const client = (client_id: string, more: object = {}) => ({
  client_id,
  name: client_id,
  x_application_type: 'spa',
  redirect_uris: ['https://app.test/'],
  issue_jwt_access_token: true,
  ...more,
})
const clients = [client('app'), client('es256', { id_token_signed_response_alg: 'ES256' })]
const config = {
  authentication: { identities: ['login_id', 'anonymous'] },
  oauth: { clients: [...clients, client('opaque', { issue_jwt_access_token: false })] },
}

beforeAll(async () => {
  server = await startHeadgear()
  project = await server.project(config)
})
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()))
  await server.stop()
})

function api(options: Partial<VerifierOptions> = {}): Verifier {
  const made = verifier({ issuer: project.local_origin, now: server.clock.now, ...options })
  opened.push(made)
  return made
}

type Tokens = { access_token: string; refresh_token: string }

async function guest(client_id = 'app', at = project): Promise<Tokens> {
  const response = await fetch(`${at.local_origin}/api/anonymous_user/signup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_id, session_type: 'refresh_token' }),
  })
  return ((await response.json()) as { result: Tokens }).result
}

const end = (token: string) =>
  fetch(`${project.local_origin}/oauth2/revoke`, { method: 'POST', body: new URLSearchParams({ token }) })

const bearer = (token: string) => new Request('https://api.test/', { headers: { authorization: `Bearer ${token}` } })

/** Whom the verifier sees, or the status of its refusal. */
async function seen(by: Verifier, token: string): Promise<string | number> {
  try {
    return (await by.verify(bearer(token))).sub
  } catch (error) {
    return refusal(error)?.status ?? String(error)
  }
}

/** Waits until the verifier sees this; a feed that is late for a moment says neither yes nor no. */
const settles = (by: Verifier, token: string, expected: unknown) =>
  eventually(async () => expect(await seen(by, token)).toBe(expected))

const subOf = (token: string) => decodeJwt(token).sub

describe('a token', () => {
  test.each(['app', 'es256'])('of the client %s tells who calls, by what and with which scope', async (clientId) => {
    const { access_token } = await guest(clientId)
    const claims = decodeJwt(access_token)
    const caller: Caller = await api().verify(`Bearer ${access_token}`)
    expect(caller).toEqual({
      sub: claims.sub,
      clientId,
      scopes: String(claims.scope).split(' '),
      roles: [],
      claims,
    })
    expect(await api().verify(bearer(access_token), { scope: 'openid' })).toEqual(caller)
  })

  test('is refused with what RFC 6750 says', async () => {
    const { access_token } = await guest()
    const answer = async (from: Promise<unknown>) => {
      const response = refusal(await from.catch((error: unknown) => error))
      return [response?.status, response?.headers.get('www-authenticate'), await response?.json()]
    }
    expect(await answer(api().verify(undefined))).toEqual([
      401,
      'Bearer',
      { error: 'invalid_token', error_description: 'there is no access token' },
    ])
    expect(await answer(api().verify('Basic YTpi'))).toMatchObject([401, 'Bearer', {}])
    expect(await answer(api().verify(`Bearer ${access_token}x`))).toMatchObject([
      401,
      'Bearer error="invalid_token"',
      { error_description: 'signature verification failed' },
    ])
    expect(await answer(api().verify(bearer(access_token), { scope: 'admin' }))).toMatchObject([
      403,
      'Bearer error="insufficient_scope"',
      { error: 'insufficient_scope' },
    ])
    expect(refusal(new Error('another fault'))).toBeUndefined()
  })

  test('that is opaque says what its client lacks', async () => {
    const { access_token } = await guest('opaque')
    await expect(api().verify(bearer(access_token))).rejects.toThrow('issue_jwt_access_token')
  })

  test('of another project, audience, client or signer is refused', async () => {
    const { access_token } = await guest()
    const other = await server.project(config)
    expect(await seen(api(), (await guest('app', other)).access_token)).toBe(401)
    expect(await seen(api({ audience: 'https://api.test' }), access_token)).toBe(401)
    expect(await seen(api({ clients: ['es256'] }), access_token)).toBe(401)
    expect(await seen(api({ clients: ['app'] }), access_token)).toBe(subOf(access_token))

    const { privateKey } = await generateKeyPair('RS256')
    const forged = (header: object, claims: object = {}) =>
      new SignJWT({ ...decodeJwt(access_token), ...claims }).setProtectedHeader({
        alg: 'RS256',
        typ: 'at+jwt',
        ...header,
      })
    expect(await seen(api(), await forged({}).sign(privateKey))).toBe(401)
    expect(await seen(api(), await forged({ kid: 'unknown' }).sign(privateKey))).toBe(401)
    // The published key, taken for a shared secret.
    const { keys } = (await (await fetch(`${project.local_origin}/oauth2/jwks`)).json()) as { keys: { n?: string }[] }
    const published = Buffer.from(keys.find(({ n }) => n !== undefined)?.n ?? '', 'base64url')
    expect(await seen(api(), await forged({ alg: 'HS256' }).sign(published))).toBe(401)
    const [, payload] = access_token.split('.')
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
    expect(await seen(api(), `${none}.${payload}.`)).toBe(401)
  })

  test('that lacks a claim, is bound to a key, or is no access token is refused however well it is signed', async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
    const wire = openWire()
    wire.bend('/oauth2/jwks', async () => Response.json({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] }))
    const one = api({ fetch: wire.fetch, revocations: 'until-expiry' })
    const good = decodeJwt((await guest()).access_token)
    const signed = (claims: object, typ = 'at+jwt') =>
      new SignJWT({ ...good, ...claims }).setProtectedHeader({ alg: 'RS256', typ, kid: 'k' }).sign(privateKey)
    expect(await seen(one, await signed({}))).toBe(good.sub)
    for (const claim of ['iss', 'aud', 'sub', 'exp', 'iat', 'jti', 'client_id'])
      expect([claim, await seen(one, await signed({ [claim]: undefined }))]).toEqual([claim, 401])
    expect(await seen(one, await signed({ cnf: { jkt: 'thumbprint' } }))).toBe(401)
    expect(await seen(one, await signed({}, 'JWT'))).toBe(401)
  })

  test('is refused when its time is up', async () => {
    const { access_token } = await guest()
    const one = api()
    expect(await seen(one, access_token)).toBe(subOf(access_token))
    await server.clock.advance(1_801_000)
    expect(await seen(one, access_token)).toBe(401)
  })

  test('is nobody’s fault while the keys cannot be had, and good once they can', async () => {
    const { access_token } = await guest()
    for (const path of ['/.well-known/openid-configuration', '/oauth2/jwks']) {
      const wire = openWire()
      const one = api({ fetch: wire.fetch })
      wire.cut(path)
      expect(await seen(one, access_token)).toBe(503)
      wire.bend(path, async () => new Response('<html>sign in to this wireless network</html>'))
      expect(await seen(one, access_token)).toBe(503)
      wire.mend()
      expect(await seen(one, access_token)).toBe(subOf(access_token))
    }
  })
})

test('an issuer that anybody on the way could speak for is refused', () => {
  for (const issuer of ['http://identity.example.com', 'identity.example.com', 'https://identity.example.com/path'])
    expect(() => verifier({ issuer })).toThrow(TypeError)
  for (const issuer of ['https://identity.example.com', 'http://localhost:4000', 'http://alpha.localhost:4000'])
    expect(verifier({ issuer })).toBeDefined()
})

describe('a session that has ended', () => {
  const ended = async (by: Verifier) => {
    const [tokens, other] = [await guest(), await guest()]
    await settles(by, tokens.access_token, subOf(tokens.access_token))
    await end(tokens.refresh_token)
    await settles(by, tokens.access_token, 401)
    await settles(by, other.access_token, subOf(other.access_token))
  }

  test('is known by the feed, without a question for each token', async () => {
    const wire = openWire()
    await ended(api({ fetch: wire.fetch, revocations: 'feed-or-refuse' }))
    expect(wire.count('/_resolver/resolve')).toBe(0)
  })

  test('is known by the feed when one token was revoked, and when a client was removed', async () => {
    const { id, origin } = project
    const one = api({ revocations: 'feed-or-refuse' })
    const [revoked, kept, removed] = [await guest(), await guest(), await guest('es256')]
    for (const { access_token } of [revoked, kept, removed]) await settles(one, access_token, subOf(access_token))
    await end(revoked.access_token)
    await server.project({ ...config, id, http: { public_origin: origin }, oauth: { clients: clients.slice(0, 1) } })
    await settles(one, revoked.access_token, 401)
    await settles(one, removed.access_token, 401)
    await settles(one, kept.access_token, subOf(kept.access_token))
    await server.project({ ...config, id, http: { public_origin: origin } })
  })

  test('is known to one that begins to follow later', async () => {
    const { access_token, refresh_token } = await guest()
    await end(refresh_token)
    await settles(api({ revocations: 'feed-or-refuse' }), access_token, 401)
  })

  test('is known by the resolver, where that is asked each time', async () => {
    const wire = openWire()
    await ended(api({ fetch: wire.fetch, revocations: 'resolver' }))
    expect(wire.count('/oauth2/revocations')).toBe(0)
    const { access_token } = await guest()
    const one = api({ fetch: wire.fetch, revocations: 'resolver' })
    wire.cut('/_resolver/resolve')
    expect(await seen(one, access_token)).toBe(503)
    wire.bend('/_resolver/resolve', async () => new Response('', { status: 502 }))
    expect(await seen(one, access_token)).toBe(503)
    const someoneElse = { 'x-authgear-session-valid': 'true', 'x-authgear-user-id': 'another' }
    wire.bend('/_resolver/resolve', async () => new Response(null, { headers: someoneElse }))
    expect(await seen(one, access_token)).toBe(401)
  })

  test('goes on until it expires where nobody is asked', async () => {
    const wire = openWire()
    const one = api({ fetch: wire.fetch, revocations: 'until-expiry' })
    const { access_token, refresh_token } = await guest()
    await end(refresh_token)
    expect(await seen(one, access_token)).toBe(subOf(access_token))
    expect([wire.count('/oauth2/revocations'), wire.count('/_resolver/resolve')]).toEqual([0, 0])
  })
})

describe.concurrent('while the feed is out of reach', () => {
  /** A verifier that has followed for a while, and a token that it has seen. */
  async function following(revocations: 'feed-or-resolver' | 'feed-or-refuse') {
    const wire: Wire = openWire()
    const one = api({ fetch: wire.fetch, revocations })
    const tokens = await guest()
    const sub = subOf(tokens.access_token)
    await settles(one, tokens.access_token, sub)
    return { wire, one, ...tokens, sub }
  }

  test('the resolver is asked instead, and a sign-out counts as before', async () => {
    const { wire, one, access_token, refresh_token, sub } = await following('feed-or-resolver')
    const other = await guest()
    wire.cut('/oauth2/revocations')
    const before = wire.count('/_resolver/resolve')
    await eventually(async () => {
      expect(await seen(one, access_token)).toBe(sub)
      expect(wire.count('/_resolver/resolve')).toBeGreaterThan(before)
    })
    await end(refresh_token)
    await settles(one, access_token, 401)
    await settles(one, other.access_token, subOf(other.access_token))
    wire.cut()
    await settles(one, other.access_token, 503)
  })

  test('every token is refused, where that was chosen, until the feed is back', async () => {
    const { wire, one, access_token, sub } = await following('feed-or-refuse')
    wire.cut('/oauth2/revocations')
    await settles(one, access_token, 503)
    wire.mend()
    await settles(one, access_token, sub)
    expect(wire.count('/_resolver/resolve')).toBe(0)
  })

  test.each<[string, Parameters<Wire['bend']>[1]]>([
    ['a page that the issuer did not sign', async () => new Response('e30.e30.e30')],
    ['an access token in its place', async () => new Response((await guest()).access_token)],
    ['503', async () => new Response('', { status: 503 })],
    ['no feed at all', async () => new Response('', { status: 404 })],
    ['a silence', (request) => new Promise((_, reject) => request.signal.addEventListener('abort', reject))],
    [
      'an old answer to another question',
      async (request, send) => send(request.url.replace(/after=[^&]*&?/, ''), { signal: request.signal }),
    ],
  ])('%s is no word that nothing has ended', async (_, bend) => {
    const { wire, one, access_token } = await following('feed-or-refuse')
    wire.bend('/oauth2/revocations', bend)
    await settles(one, access_token, 503)
  })

  test('an answer that is minutes old is no word either, though it is to the very question', async () => {
    let later = 0
    const wire = openWire()
    const one = api({
      fetch: wire.fetch,
      revocations: 'feed-or-refuse',
      now: () => new Date(server.clock.now().getTime() + later),
    })
    const { access_token } = await guest()
    await settles(one, access_token, subOf(access_token))
    later = 120_000
    await settles(one, access_token, 503)
    // However many of them come.
    const before = wire.count('/oauth2/revocations')
    await eventually(async () => expect(wire.count('/oauth2/revocations')).toBeGreaterThan(before + 5))
    expect(await seen(one, access_token)).toBe(503)
  })

  test('what it told before still counts', async () => {
    const { wire, one, access_token, refresh_token } = await following('feed-or-refuse')
    await end(refresh_token)
    await settles(one, access_token, 401)
    wire.cut('/oauth2/revocations')
    expect(await seen(one, access_token)).toBe(401)
  })

  test('a cursor that the server no longer knows begins anew, and forgets nothing', async () => {
    const { wire, one, access_token, refresh_token } = await following('feed-or-refuse')
    const old = await guest()
    await end(old.refresh_token)
    await settles(one, old.access_token, 401)
    let gone = 0
    wire.bend('/oauth2/revocations', async (request, send) => {
      if (!request.url.includes('after=')) return send(request)
      gone++
      return new Response('', { status: 410 })
    })
    await end(refresh_token)
    await settles(one, access_token, 401)
    expect(gone).toBeGreaterThan(0)
    expect(await seen(one, old.access_token)).toBe(401)
  })

  test('a verifier that was closed says nothing any more, and asks nothing', async () => {
    const { wire, one, access_token } = await following('feed-or-refuse')
    await one.close()
    const asked = wire.count('/oauth2/revocations')
    expect(await seen(one, access_token)).toBe(503)
    expect(wire.count('/oauth2/revocations')).toBe(asked)
  })
})
