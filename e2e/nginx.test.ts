// Debian's nginx with the example's own configuration, in front of the example's own backend.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deviceKey } from '../packages/server/test/support/device_key.ts'
import { dpopKey } from '../packages/server/test/support/dpop_key.ts'
import { run } from './support/demo.ts'
import { freePort } from './support/free_port.ts'
import { type Nginx, startNginx } from './support/nginx.ts'
import { type Server, startServer } from './support/server.ts'

let server: Server
let backend: ReturnType<typeof run>
let nginx: Nginx
let configuration: string
let behind: number

beforeAll(async () => {
  server = await startServer({ args: ['--dev', '--trust-proxy', '127.0.0.0/8'] })
  behind = await freePort()
  backend = run(['examples/nginx/backend.js'], 'for nginx alone', {
    PORT: String(behind),
    APP_ORIGIN: 'http://localhost:4001',
  })
  await backend.ready
  configuration = await readFile(new URL('../examples/nginx/headgear.conf', import.meta.url), 'utf8')
  nginx = await startNginx(({ port }) =>
    configuration
      .replace(/\b4000\b/g, String(server.port))
      .replace(/\b4002\b/g, String(port))
      .replace(/\b4003\b/g, String(behind)),
  )
})
afterAll(async () => {
  await nginx?.stop()
  await backend?.stop()
  await server?.stop()
})

async function ask(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(nginx.origin + path, { headers })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : text,
  }
}

type Tokens = { access_token: string; refresh_token: string }

/** A guest by cookie, as a server-rendered app has them. */
async function cookieOfGuest(): Promise<{ cookie: string }> {
  const response = await fetch(`${server.origin}/api/anonymous_user/signup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ session_type: 'cookie' }),
  })
  return {
    cookie: response.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; '),
  }
}

async function guest(at = server.origin): Promise<Tokens & { bearer: { authorization: string } }> {
  const response = await fetch(`${at}/api/anonymous_user/signup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_id: 'demo', session_type: 'refresh_token' }),
  })
  const { result } = (await response.json()) as { result: Tokens }
  return { ...result, bearer: { authorization: `Bearer ${result.access_token}` } }
}

const spoofed = {
  'x-authgear-session-valid': 'true',
  'x-authgear-user-id': 'the-boss',
  'x-authgear-user-anonymous': 'false',
  'x-authgear-user-verified': 'true',
  'x-authgear-user-roles': 'admin',
  'x-authgear-session-amr': 'mfa',
  'x-authgear-session-authenticated-at': '1',
  'x-authgear-user-can-reauthenticate': 'true',
  x_authgear_user_id: 'the-boss',
}

describe('S8: where guests may come in', () => {
  test('a stranger is a guest, and the app refuses what is for members', async () => {
    expect(await ask('/')).toMatchObject({ status: 200, body: { hello: 'guest' } })
    expect(await ask('/api/me')).toMatchObject({ status: 401, body: { error: 'sign in first' } })
  })

  test('headers that a client makes up never arrive', async () => {
    expect(await ask('/', spoofed)).toMatchObject({ status: 200, body: { hello: 'guest' } })
    expect(await ask('/api/me', spoofed)).toMatchObject({ status: 401 })
    expect(await ask('/api/me', { ...spoofed, authorization: 'Bearer garbage' })).toMatchObject({ status: 401 })

    const { bearer } = await guest()
    const honest = await ask('/api/me', bearer)
    expect(honest).toMatchObject({ status: 200, body: { anonymous: true, verified: false, roles: [] } })
    expect((await ask('/api/me', { ...spoofed, ...bearer })).body).toEqual(honest.body)
  })

  test('nor do they under another spelling, or sent more than once', async () => {
    const { bearer } = await guest()
    const { body: me } = await ask('/api/me', bearer)
    const twice = Object.entries(spoofed).flatMap(([name, value]) => [name, value, name.toUpperCase(), value])
    for (const [caller, expected] of [
      [[], { error: 'sign in first' }],
      [['authorization', bearer.authorization], me],
    ] as const) {
      const { port } = new URL(nginx.origin)
      const answer = await new Promise<string>((resolve, reject) => {
        // As an array, node sends them as they are.
        const headers = ['host', 'localhost', 'connection', 'close, x-authgear-user-id', ...twice, ...caller]
        const asked = request({ host: '127.0.0.1', port, path: '/api/me', headers }, async (response) => {
          let text = ''
          for await (const chunk of response) text += chunk
          resolve(text)
        })
        asked.once('error', reject).end()
      })
      expect(JSON.parse(answer)).toEqual(expected)
    }
  })

  test('every header that the resolver sends is set from its answer, and so from nothing else', async () => {
    const { bearer } = await guest()
    const answer = await fetch(`${server.origin}/_resolver/resolve`, { headers: bearer })
    const sent = [...answer.headers.keys()].filter((name) => name.startsWith('x-authgear-'))
    expect(sent.length).toBeGreaterThan(6)
    for (const name of [...sent, 'x-authgear-user-roles']) {
      const [, variable = ''] = new RegExp(`proxy_set_header ${name} +\\$(\\w+);`).exec(configuration) ?? []
      expect(configuration, name).toMatch(
        new RegExp(`auth_request_set \\$${variable} +\\$upstream_http_${name.replaceAll('-', '_')};`),
      )
    }
  })

  test('a client does not choose the project that is asked about it', async () => {
    const other = await fetch(`${server.origin}/_dev/projects`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        id: 'other',
        config: JSON.stringify({
          id: 'other',
          http: { public_origin: `http://other.localhost:${server.port}` },
          authentication: { identities: ['anonymous'] },
          oauth: {
            clients: [{ client_id: 'demo', name: 'x', x_application_type: 'spa', redirect_uris: ['http://x.test/'] }],
          },
        }),
      }),
    })
    const { local_origin } = (await other.json()) as { local_origin: string }
    const { bearer } = await guest(local_origin)
    expect((await fetch(`${local_origin}/_resolver/resolve?deny=401`, { headers: bearer })).status).toBe(200)
    const { host } = new URL(local_origin)
    for (const name of ['x-forwarded-host', 'x-original-host', 'host', 'forwarded'])
      expect((await ask('/api/me', { ...bearer, [name]: name === 'forwarded' ? `host=${host}` : host })).status).toBe(
        401,
      )
  })

  test('a cookie does as well as a token, and a body goes to the app alone', async () => {
    const { cookie } = await cookieOfGuest()
    expect(await ask('/api/me', { cookie })).toMatchObject({ status: 200, body: { anonymous: true } })
    expect((await ask('/members/', { cookie })).status).toBe(200)
    const posted = await fetch(`${nginx.origin}/members/`, {
      method: 'POST',
      headers: { cookie },
      body: 'x'.repeat(200_000),
    })
    expect(posted.status).toBe(200)
    const forged = cookie.replace(/=(.)/, (_, first: string) => `=${first === 'A' ? 'B' : 'A'}`)
    expect((await ask('/api/me', { cookie: forged })).status).toBe(401)
    expect((await ask('/members/', { cookie: forged })).status).toBe(401)
  })

  test('an ended session is refused within a second', async () => {
    const { refresh_token, bearer } = await guest()
    expect((await ask('/api/me', bearer)).status).toBe(200)
    const form = new URLSearchParams({ token: refresh_token })
    const revoked = await fetch(`${server.origin}/oauth2/revoke`, { method: 'POST', body: form })
    expect(revoked.status).toBe(200)
    const acknowledged = performance.now()
    let last = 0
    while (performance.now() - acknowledged < 1500) {
      const { status } = await ask('/api/me', bearer)
      if (status === 200) last = performance.now() - acknowledged
      else expect(status).toBe(401)
    }
    expect(last).toBeLessThan(1000)
  })
})

describe('S8: members only, with ?deny=401', () => {
  test('a stranger and a bad token get 401 from nginx itself', async () => {
    const stranger = await ask('/members/', spoofed)
    expect(stranger.status).toBe(401)
    expect(stranger.headers.get('www-authenticate')).toBe('Bearer')
    const garbage = await ask('/members/', { authorization: 'Bearer garbage' })
    expect(garbage.status).toBe(401)
    expect(garbage.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/)
  })

  test('by default Headgear itself refuses nobody: nginx lets everybody through, and the app decides', async () => {
    const resolve = (query: string, headers = {}) => fetch(`${server.origin}/_resolver/resolve${query}`, { headers })
    const garbage = { authorization: 'Bearer garbage' }
    const { bearer } = await guest()
    for (const headers of [{}, garbage, bearer]) expect((await resolve('', headers)).status).toBe(200)
    expect((await resolve('?deny=401')).status).toBe(401)
    expect((await resolve('?deny=401', garbage)).status).toBe(401)
    expect((await resolve('?deny=401', bearer)).status).toBe(200)
  })

  test('a session gets in, and the app knows whose', async () => {
    const { bearer } = await guest()
    const { body: me } = await ask('/api/me', bearer)
    expect(await ask('/members/', { ...spoofed, ...bearer })).toMatchObject({
      status: 200,
      body: { members: 'only', you: me },
    })
  })
})

test('a token that is bound to a key gets in with a proof for this very request', async () => {
  const made = await fetch(`${server.origin}/_dev/projects`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      id: 'bound',
      config: JSON.stringify({
        id: 'bound',
        http: { public_origin: `http://bound.localhost:${server.port}` },
        authentication: { identities: ['anonymous'] },
        oauth: {
          clients: [
            {
              client_id: 'phone',
              name: 'Phone',
              x_application_type: 'native',
              redirect_uris: ['http://x.test/'],
              dpop_bound_access_tokens: true,
            },
          ],
        },
      }),
    }),
  })
  const { local_origin: issuer } = (await made.json()) as { local_origin: string }
  const [device, key] = [deviceKey(), dpopKey()]
  const now = () => new Date()
  async function signIn(nonce?: string): Promise<string> {
    const asked = await fetch(`${issuer}/oauth2/challenge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ purpose: 'anonymous_request' }),
    })
    const { result } = (await asked.json()) as { result: { token: string } }
    const response = await fetch(`${issuer}/oauth2/token`, {
      method: 'POST',
      headers: { dpop: key.proof(`${issuer}/oauth2/token`, now(), { claims: { nonce } }) },
      body: new URLSearchParams({
        grant_type: 'urn:authgear:params:oauth:grant-type:anonymous-request',
        client_id: 'phone',
        jwt: device.request('anonymous', { challenge: result.token, action: 'auth' }, now()),
      }),
    })
    const body = (await response.json()) as { access_token?: string }
    return body.access_token ?? signIn(response.headers.get('dpop-nonce') ?? '')
  }
  const token = await signIn()
  await using bound = await startNginx(({ port }) =>
    configuration
      .replaceAll('Host localhost:4000', `Host ${new URL(issuer).host}`)
      .replace(/\b4000\b/g, String(server.port))
      .replace(/\b4002\b/g, String(port))
      .replace(/\b4003\b/g, String(behind)),
  )
  const ath = createHash('sha256').update(token).digest('base64url')
  const proof = (url: string, htm = 'GET') => key.proof(url, now(), { claims: { htm, ath } })
  const url = `${bound.origin}/members/`
  const get = async (headers: Record<string, string>, method = 'GET') =>
    (await fetch(`${url}?page=2`, { method, headers: { authorization: `DPoP ${token}`, ...headers } })).status
  expect(await get({ dpop: proof(url) })).toBe(200)
  expect(await get({ dpop: proof(url, 'POST') }, 'POST')).toBe(200)
  expect(await get({ dpop: proof(url) }, 'POST')).toBe(401)
  expect(await get({ dpop: proof(`${bound.origin}/`) })).toBe(401)
  expect(await get({ dpop: proof(`${bound.origin}/`), 'x-original-url': `${bound.origin}/` })).toBe(401)
  expect(await get({})).toBe(401)
  expect(await get({ authorization: `Bearer ${token}`, dpop: proof(url) })).toBe(401)
})

test('the questions are not for the outside', async () => {
  for (const path of ['/_who', '/_who_or_401']) expect((await ask(path)).status).toBe(404)
})

test('a caller of whom nobody can say anything is no guest', async () => {
  const { bearer } = await guest()
  await server.kill()
  for (const path of ['/', '/api/me', '/members/']) {
    const answer = await ask(path, bearer)
    expect(answer.status, path).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(answer.body).not.toMatchObject({ hello: 'guest' })
  }
})
