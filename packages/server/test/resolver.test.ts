import { randomUUID } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevelopmentProject } from '../src/dev/projects.ts'
import type { Project } from '../src/projects/find.ts'
import { mintAccessToken, newGrantSecret } from '../src/sessions/credential.ts'
import { endSession } from '../src/sessions/end.ts'
import { startBrowserSession } from '../src/sessions/start.ts'
import { insertGrant } from '../src/sessions/store.ts'
import { inTransaction } from '../src/storage/database.ts'
import type { Headgear } from '../src/testing.ts'
import { headgear } from './support/store.ts'

const client = { client_id: 'app', name: 'App', x_application_type: 'spa', redirect_uris: ['http://app.test/'] }
let server: Headgear
let made: DevelopmentProject
let project: Project

beforeAll(async () => {
  server = await headgear()
  made = await server.project({ oauth: { clients: [client] } })
  const found = await server.node.directory.byId(made.id)
  if (found === undefined) throw new Error('no project')
  project = found
})
afterAll(() => server.stop())

/** Signs a new user in beneath the pages: browser session, SSO grant, opaque access token. */
async function signIn(of: Project = project) {
  const { world } = server.node
  const scope = { projectId: of.id, query: world.db.query }
  const userId = uuidv7()
  const now = world.clock.now()
  await world.db.query
    .insertInto('end_user')
    .values({ project_id: of.id, id: userId, created_at: now, updated_at: now } as never)
    .execute()
  const origin = of.origins.at(-1) ?? of.origins[0]
  const caller = { ip: '127.0.0.1', userAgent: 'test' }
  const started = await inTransaction(scope, (tx) =>
    startBrowserSession(tx, world, of, { userId, origin, authTime: now, amr: ['pwd', 'x_primary_password'], caller }),
  )
  const { id } = newGrantSecret(of.id, world.random)
  const accessExpiresAt = new Date(now.getTime() + 1_800_000)
  await insertGrant(
    scope,
    {
      id,
      kind: 'code',
      userId,
      clientId: 'app',
      authorizationId: null,
      idpSessionId: started.id,
      sso: true,
      origin: origin.origin,
      scopes: ['openid'],
      authTime: now,
      amr: ['pwd'],
      ip: caller.ip,
      userAgent: caller.userAgent,
      deviceInfo: null,
      hasRefreshToken: true,
      keyId: of.ring.current,
      jwtExpiresAt: accessExpiresAt,
      dpopJkt: null,
      keyHolder: null,
      app2appKey: null,
      deviceSecret: null,
      now,
    },
    { id: randomUUID(), payload: '{}' },
  )
  const { token } = mintAccessToken(
    { id, generation: 0, expiresAt: accessExpiresAt },
    { ring: of.ring, projectId: of.id, random: world.random },
  )
  return { userId, idpId: started.id, grantId: id, cookie: started.cookies[0]?.split(';')[0] ?? '', token }
}

const resolve = (headers: Record<string, string> = {}, query = '', origin = made.local_origin) =>
  fetch(`${origin}/_resolver/resolve${query}`, { headers })
const valid = (response: Response) => response.headers.get('x-authgear-session-valid')

describe('the resolver', () => {
  test('S7: says nothing of a session when nothing is presented, with an empty 200', async () => {
    const response = await resolve()
    expect([response.status, valid(response), await response.text()]).toEqual([200, null, ''])
  })

  test('S18: knows the browser session by its cookie', async () => {
    const who = await signIn()
    const response = await resolve({ cookie: who.cookie })
    expect(Object.fromEntries([...response.headers].filter(([name]) => name.startsWith('x-authgear')))).toEqual({
      'x-authgear-session-valid': 'true',
      'x-authgear-user-id': who.userId,
      'x-authgear-user-anonymous': 'false',
      'x-authgear-user-verified': 'false',
      'x-authgear-user-can-reauthenticate': 'false',
      'x-authgear-session-amr': 'pwd x_primary_password',
      'x-authgear-session-authenticated-at': expect.stringMatching(/^\d{10}$/),
    })
  })

  test('S7: knows a bearer token, whatever the case of its scheme, and ignores other schemes', async () => {
    const who = await signIn()
    for (const scheme of ['Bearer', 'bearer', 'BEARER'])
      expect(valid(await resolve({ authorization: `${scheme} ${who.token}` }))).toBe('true')
    expect(valid(await resolve({ authorization: `Basic ${who.token}` }))).toBeNull()
  })

  test.each([
    ['garbage', { authorization: 'Bearer garbage' }],
    ['a forged token of the right length', { authorization: `Bearer ${'A'.repeat(64)}` }],
    ['an oversized token', { authorization: `Bearer ${'A'.repeat(8000)}` }],
    ['a JWT of nobody', { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.' }],
  ])('S7: says false to %s', async (_, headers) => {
    const response = await resolve(headers as never)
    expect([response.status, valid(response)]).toEqual([200, 'false'])
    expect([...response.headers.keys()].filter((name) => name.startsWith('x-authgear'))).toEqual([
      'x-authgear-session-valid',
    ])
  })

  test('says false to a bad session cookie and clears it', async () => {
    const prefix = project.origins.at(-1)?.cookiePrefix
    const response = await resolve({ cookie: `${prefix}session=nonsense` })
    expect(valid(response)).toBe('false')
    expect(response.headers.get('set-cookie')).toMatch(
      new RegExp(`^${prefix}session=; Path=/; Expires=Thu, 01 Jan 1970`),
    )
  })

  test('uses the good one of two session cookies', async () => {
    const who = await signIn()
    const name = who.cookie.split('=')[0]
    expect(valid(await resolve({ cookie: `${name}=stale; ${who.cookie}` }))).toBe('true')
  })

  test('tries bearer first, then cookies; one that fails is skipped', async () => {
    const [bearer, browser] = [await signIn(), await signIn()]
    const both = await resolve({ authorization: `Bearer ${bearer.token}`, cookie: browser.cookie })
    expect(both.headers.get('x-authgear-user-id')).toBe(bearer.userId)
    const second = await resolve({ authorization: 'Bearer nonsense', cookie: browser.cookie })
    expect(second.headers.get('x-authgear-user-id')).toBe(browser.userId)
  })

  test('takes a credential of another project for noise', async () => {
    const other = await server.project({ oauth: { clients: [client] } })
    const who = await signIn()
    expect(valid(await resolve({ authorization: `Bearer ${who.token}` }, '', other.local_origin))).toBe('false')
  })

  test('never takes one kind of credential for another', async () => {
    const who = await signIn()
    const prefix = project.origins.at(-1)?.cookiePrefix
    const value = who.cookie.split('=')[1]
    expect(valid(await resolve({ authorization: `Bearer ${value}` }))).toBe('false')
    expect(valid(await resolve({ cookie: `${prefix}session=${who.token}` }))).toBe('false')
    expect(valid(await resolve({ cookie: `${prefix}app_access_token=${who.token}` }))).toBe('true')
  })

  test('says false once the access token has expired, and once the session has gone idle', async () => {
    const who = await signIn()
    expect(valid(await resolve({ cookie: who.cookie }))).toBe('true')
    await server.clock.advance(1_801_000)
    expect(valid(await resolve({ authorization: `Bearer ${who.token}` }))).toBe('false')
    expect(valid(await resolve({ cookie: who.cookie }))).toBe('true')
    await server.clock.advance(31 * 86_400_000)
    expect(valid(await resolve({ cookie: who.cookie }))).toBe('false')
  })

  test('S11: says false within a second of the acknowledged end, on a node that had it warm', async () => {
    const who = await signIn()
    expect(valid(await resolve({ authorization: `Bearer ${who.token}` }))).toBe('true')
    expect(valid(await resolve({ cookie: who.cookie }))).toBe('true')
    await endSession(
      server.node.world,
      project,
      { kind: 'offline_grant', id: who.grantId },
      { event: 'user.signed_out', reason: 'test' },
    )
    await new Promise((done) => setTimeout(done, 1000))
    expect(valid(await resolve({ authorization: `Bearer ${who.token}` }))).toBe('false')
    expect(valid(await resolve({ cookie: who.cookie }))).toBe('false')
  })

  test('with deny=401 answers what proxies understand', async () => {
    const nobody = await resolve({}, '?deny=401')
    expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    const bad = await resolve({ authorization: 'Bearer nonsense' }, '?deny=401')
    expect([bad.status, bad.headers.get('www-authenticate'), valid(bad)]).toEqual([
      401,
      'Bearer error="invalid_token"',
      'false',
    ])
    const who = await signIn()
    expect((await resolve({ cookie: who.cookie }, '?deny=401')).status).toBe(200)
  })

  test('refuses other methods and unknown hosts', async () => {
    const post = await fetch(`${made.local_origin}/_resolver/resolve`, { method: 'POST' })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    const head = await fetch(`${made.local_origin}/_resolver/resolve`, { method: 'HEAD' })
    expect(head.status).toBe(200)
    const { port } = new URL(server.origin)
    const unknown = await fetch(`http://127.0.0.1:${port}/_resolver/resolve`)
    expect([unknown.status, await unknown.text()]).toEqual([404, 'app not found'])
  })

  test('asks the database once for a cold session and not at all for a warm one, over HTTP too', async () => {
    const who = await signIn()
    await resolve({ cookie: who.cookie })
    await server.node.log.poll()
    const { db } = server.node.world
    // The log is read on its own clock: the fewest of several requests is what a request costs.
    const costs = []
    for (let attempt = 0; attempt < 10; attempt++) {
      const before = db.statements()
      await resolve({ cookie: who.cookie })
      costs.push(db.statements() - before)
    }
    expect(Math.min(...costs)).toBe(0)
  })
})
