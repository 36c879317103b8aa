// OpenID Connect Back-Channel Logout 1.0, received as an application would.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { nodeId } from '../src/admin/ids.ts'
import type { DeliveryQueue } from '../src/delivery/queue.ts'
import { tellApplications, tellLeftBehind } from '../src/oauth/back_channel_logout.ts'
import { projectDirectory } from '../src/projects/find.ts'
import type { Headgear } from '../src/testing.ts'
import { type App, getTokens, openBrowser, openSite, type Site, signIn } from './support/oauth_client.ts'
import { headgear } from './support/store.ts'

type Got = { path: string; type: string | undefined; token: string }

let server: Headgear
let site: Site
let receiver: Server
let got: Got[] = []
let answer: (got: Got) => number | 'hang' = () => 200

const web = { x_application_type: 'spa', redirect_uris: ['https://app.test/'] }
const app = (client_id: string): App => ({
  client_id,
  redirect_uri: 'https://app.test/',
  scope: 'openid offline_access',
  params: { x_sso_enabled: 'true' },
})

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const token = new URLSearchParams(Buffer.concat(parts).toString()).get('logout_token') ?? ''
    const one = { path: request.url ?? '', type: request.headers['content-type'], token }
    got.push(one)
    const status = answer(one)
    if (status === 'hang') return
    response.writeHead(status, status === 302 ? { location: '/private' } : {}).end()
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const at = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
  server = await headgear()
  site = await openSite(server, {
    oauth: {
      clients: [
        { ...web, client_id: 'told', name: 'Told', backchannel_logout_uri: `${at}/told` },
        {
          ...web,
          client_id: 'too',
          name: 'Too',
          backchannel_logout_uri: `${at}/too`,
          id_token_signed_response_alg: 'ES256',
        },
        { ...web, client_id: 'quiet', name: 'Quiet' },
        { ...web, client_id: 'inside', name: 'Inside', backchannel_logout_uri: 'https://10.0.0.1/inside' },
      ],
    },
  })
})
beforeEach(() => {
  got = []
  answer = () => 200
})
afterAll(async () => {
  await server.stop()
  receiver.closeAllConnections()
  receiver.close()
})

const states = () =>
  server.node.world.db.query
    .selectFrom('logout_delivery')
    .select(['client_id', 'state', 'attempts', 'last_answer'])
    .where('project_id', '=', site.made.id)
    .orderBy('created_at', 'desc')
    .orderBy('client_id')
    .execute()

/** The same, without waiting for the times between two attempts: the queue’s own clock is the machine’s. */
const untilTold = (condition: () => Promise<boolean>) =>
  until(async () => {
    await server.node.world.db.run(
      "update headgear_queue.job set start_after = now() where name = 'logout' and state <> 'active'",
      [],
    )
    return condition()
  })

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}

const revoke = (token: string, client_id: string) =>
  fetch(`${site.origin}/oauth2/revoke`, { method: 'POST', body: new URLSearchParams({ token, client_id }) })

describe('an application with a back-channel logout URI', () => {
  test('is told by a logout token as the standard has it', async () => {
    expect(await (await fetch(`${site.origin}/.well-known/openid-configuration`)).json()).toMatchObject({
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    })
    const { body } = await getTokens(site, app('told'))
    const id = decodeJwt(body.id_token)
    await revoke(body.refresh_token, 'told')
    await until(() => got.length > 0)
    expect(got).toHaveLength(1)
    expect(got[0]).toMatchObject({ path: '/told', type: 'application/x-www-form-urlencoded' })
    const { payload, protectedHeader } = await jwtVerify(
      got[0]?.token ?? '',
      createRemoteJWKSet(new URL(`${site.origin}/oauth2/jwks`)),
      { issuer: site.origin, audience: 'told', typ: 'logout+jwt', currentDate: server.clock.now() },
    )
    expect(protectedHeader.alg).toBe('RS256')
    expect(payload).toMatchObject({
      sub: id.sub,
      sid: id.sid,
      jti: expect.any(String),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    })
    expect(payload.nonce).toBeUndefined()
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(120)
    await until(async () => (await states())[0]?.state === 'delivered')
  })

  test('is told together with the others of the same sign-on, and the rest is not', async () => {
    const browser = openBrowser(site)
    const who = await signIn(site, browser)
    const one = await getTokens(site, app('told'), { browser, who })
    const two = await getTokens(site, app('too'), { browser, who })
    await getTokens(site, app('quiet'), { browser, who })
    await revoke(one.body.refresh_token, 'told')
    await until(() => got.length > 1)
    await server.node.log.poll()
    expect(got.map(({ path }) => path).sort()).toEqual(['/told', '/too'])
    const too = got.find(({ path }) => path === '/too')?.token ?? ''
    expect(decodeJwt(too).sid).toBe(decodeJwt(two.body.id_token).sid)
    expect(JSON.parse(Buffer.from(too.split('.')[0] ?? '', 'base64url').toString()).alg).toBe('ES256')
  })

  test('is told again until it has answered, and no more after that', async () => {
    answer = () => (got.length < 3 ? 500 : 204)
    const { body } = await getTokens(site, app('told'))
    await revoke(body.refresh_token, 'told')
    await until(() => got.length === 1)
    await untilTold(async () => (await states())[0]?.state === 'delivered')
    expect((await states())[0]).toMatchObject({ client_id: 'told', attempts: 3, last_answer: 'HTTP 204' })
    await tellApplications(server.node)
    await tellLeftBehind(server.node)
    expect(got).toHaveLength(3)
    // Each attempt has a token of its own, which is young.
    expect(new Set(got.map(({ token }) => decodeJwt(token).jti)).size).toBe(3)
  })

  test('may refuse: 400 is final', async () => {
    answer = () => 400
    const { body } = await getTokens(site, app('told'))
    await revoke(body.refresh_token, 'told')
    await until(async () => (await states())[0]?.state === 'failed')
    expect(got).toHaveLength(1)
  })

  test('is not followed where it redirects', async () => {
    answer = () => 302
    const { body } = await getTokens(site, app('told'))
    await revoke(body.refresh_token, 'told')
    await until(async () => (await states())[0]?.last_answer === 'HTTP 302')
    expect((await states())[0]?.state).toBe('pending')
    expect(got.map(({ path }) => path)).toEqual(['/told'])
    answer = () => 200
    await untilTold(async () => (await states())[0]?.state === 'delivered')
  })

  test('holds nobody up by hanging', async () => {
    answer = () => 'hang'
    const { body } = await getTokens(site, app('told'))
    expect((await revoke(body.refresh_token, 'told')).status).toBe(200)
    await until(() => got.length === 1)
    answer = () => 200
    const other = await getTokens(site, app('told'))
    await revoke(other.body.refresh_token, 'told')
    await until(() => got.length >= 2)
    receiver.closeAllConnections()
    await untilTold(async () => (await states()).every(({ state }) => state !== 'pending'))
  })

  test('is told by another node when the first died before it began', async () => {
    const { body } = await getTokens(site, app('told'))
    await server.node.world.db.query
      .insertInto('logout_delivery')
      .values({
        project_id: site.made.id,
        event_id: '00000000-0000-7000-8000-000000000001',
        grant_id: Buffer.alloc(16),
        client_id: 'told',
        user_id: decodeJwt(body.id_token).sub ?? '',
        origin: site.origin,
        state: 'pending',
        attempts: 0,
        last_answer: null,
        created_at: server.clock.now(),
        updated_at: server.clock.now(),
      })
      .execute()
    await tellLeftBehind(server.node)
    expect(got).toEqual([])
    await server.clock.advance(61_000)
    await tellLeftBehind(server.node)
    await until(() => got.length === 1)
  })

  test('is told once, by nodes that know no project yet and look at the same moment', async () => {
    const { world, sealer, log } = server.node
    const starting = () => {
      const directory = projectDirectory({ query: world.db.query, sealer, log })
      const queue: DeliveryQueue = { ...server.node.queue, add: async (_, body) => void handed.push(body) as never }
      return { ...server.node, directory, queue }
    }
    const handed: unknown[] = []
    const { body } = await getTokens(site, app('told'))
    const deaf = vi.spyOn(server.node.directory, 'byId').mockRejectedValue(new Error('this node is busy'))
    await revoke(body.refresh_token, 'told')
    await Promise.all([starting(), starting(), starting()].map(tellApplications))
    deaf.mockRestore()
    expect(handed).toHaveLength(1)
  })

  test('is not reached inside the operator’s own network', async () => {
    const { body } = await getTokens(site, app('inside'))
    await revoke(body.refresh_token, 'inside')
    const answer = async () => (await states()).find(({ client_id }) => client_id === 'inside')
    await until(async () => (await answer())?.last_answer !== undefined && (await answer())?.last_answer !== null)
    expect(await answer()).toMatchObject({ state: 'pending', last_answer: '10.0.0.1 may not be reached' })
  })
})

describe('an administrator', () => {
  const fields = 'id clientID userID user { id } sid issuer state attempts lastAnswer createdAt updatedAt'
  const list = `query ($user: ID, $client: String, $state: BackchannelLogoutDeliveryState, $first: Int, $after: String,
      $last: Int, $before: String) {
    backchannelLogoutDeliveries(userID: $user, clientID: $client, state: $state, first: $first, after: $after,
        last: $last, before: $before) {
      totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { ${fields} } } } }`
  const resend = `mutation ($id: ID!) { resendBackchannelLogout(input: { deliveryID: $id }) { delivery { ${fields} } } }`
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into without ceremony.
  type Json = any
  const ask = async (query: string, variables: Record<string, unknown> = {}, made = site.made): Promise<Json> =>
    server.admin(query, variables, made)
  const listed = async (variables: Record<string, unknown>, made = site.made): Promise<Json> =>
    (await ask(list, variables, made)).backchannelLogoutDeliveries
  const nodes = (page: Json): Json[] => page.edges.map((edge: Json) => edge.node)

  /** Signs somebody in and out, and waits until it is known how telling it went. */
  async function signedOut(client: string, state: string): Promise<{ user: string; sid: string }> {
    const { body } = await getTokens(site, app(client))
    const { sub = '', sid } = decodeJwt(body.id_token)
    await revoke(body.refresh_token, client)
    const user = nodeId('User', sub)
    await until(async () => nodes(await listed({ user }))[0]?.state === state)
    return { user, sid: String(sid) }
  }

  test('sees who was told of what, by user, application and state', async () => {
    answer = ({ path }) => (path === '/told' ? 400 : 200)
    const one = await signedOut('told', 'FAILED')
    const two = await signedOut('too', 'DELIVERED')
    expect(nodes(await listed({ user: one.user }))).toEqual([
      {
        id: expect.any(String),
        clientID: 'told',
        userID: one.user,
        user: { id: one.user },
        sid: one.sid,
        issuer: site.origin,
        state: 'FAILED',
        attempts: 1,
        lastAnswer: 'HTTP 400',
        createdAt: expect.stringMatching(/^20/),
        updatedAt: expect.stringMatching(/^20/),
      },
    ])
    const users = async (by: object) => new Set(nodes(await listed({ first: 2, ...by })).map(({ userID }) => userID))
    expect(await users({})).toEqual(new Set([two.user, one.user]))
    expect(await users({ state: 'FAILED', first: 1 })).toEqual(new Set([one.user]))
    expect(await users({ client: 'too', first: 1 })).toEqual(new Set([two.user]))
    expect(await users({ user: one.user, state: 'DELIVERED' })).toEqual(new Set())
    expect(await users({ client: 'quiet' })).toEqual(new Set())
    const [{ id }] = nodes(await listed({ user: two.user }))
    const { node } = await ask(`query ($id: ID!) { node(id: $id) { id ... on BackchannelLogoutDelivery { state } } }`, {
      id,
    })
    expect(node).toEqual({ id, state: 'DELIVERED' })
  })

  test('walks through them from either end without missing one', async () => {
    while ((await listed({})).totalCount < 5) await signedOut('told', 'DELIVERED')
    const all = nodes(await listed({})).map(({ id }) => id)
    for (const [size, from, cursor, more, next] of [
      ['first', 'after', 'endCursor', 'hasNextPage', (seen: string[], page: string[]) => [...seen, ...page]],
      ['last', 'before', 'startCursor', 'hasPreviousPage', (seen: string[], page: string[]) => [...page, ...seen]],
    ] as const) {
      let [seen, at, going]: [string[], string | undefined, boolean] = [[], undefined, true]
      while (going) {
        const page = await listed({ [size]: 2, ...(at === undefined ? {} : { [from]: at }) })
        seen = next(
          seen,
          nodes(page).map(({ id }) => id),
        )
        at = page.pageInfo[cursor]
        going = page.pageInfo[more]
      }
      expect(seen).toEqual(all)
    }
    await expect(listed({ after: 'nonsense' })).rejects.toThrow(/not a cursor/)
  })

  test('sends one again that failed, at once and only once', async () => {
    answer = () => 400
    const { user, sid } = await signedOut('told', 'FAILED')
    const [{ id }] = nodes(await listed({ user }))
    got = []
    answer = () => 200
    const { resendBackchannelLogout } = await ask(resend, { id })
    expect(resendBackchannelLogout.delivery).toMatchObject({ id, state: 'PENDING', lastAnswer: 'HTTP 400' })
    await until(async () => nodes(await listed({ user }))[0]?.state === 'DELIVERED')
    expect(nodes(await listed({ user }))).toMatchObject([{ id, attempts: 2, lastAnswer: 'HTTP 200' }])
    expect(got.map(({ token }) => decodeJwt(token).sid)).toEqual([sid])
    await server.clock.advance(61_000)
    await tellLeftBehind(server.node)
    expect(got).toHaveLength(1)
    await expect(ask(resend, { id })).rejects.toThrow(/this logout is delivered/)
    const events = await server.node.world.db.query
      .selectFrom('event')
      .select('payload')
      .where('project_id', '=', site.made.id)
      .where('kind', '=', 'admin_api.mutation.resend_backchannel_logout.executed')
      .execute()
    expect(events).toEqual([{ payload: { user_id: Buffer.from(user, 'base64url').toString().slice(5) } }])
  })

  test('has it sent by another node when the first died before it began', async () => {
    answer = () => 400
    const { user } = await signedOut('told', 'FAILED')
    const [{ id }] = nodes(await listed({ user }))
    answer = () => 500
    await ask(resend, { id })
    await until(async () => nodes(await listed({ user }))[0]?.attempts === 2)
    // Begun: from here on the queue tries again, and nobody else.
    const [row] = await server.node.world.db.run<{ hand_at: Date | null }>(
      'select hand_at from logout_delivery where project_id = $1 and state = $2',
      [site.made.id, 'pending'],
    )
    expect(row?.hand_at).toBeNull()
    // As the row stands between two nodes: taken by one that has not begun.
    await server.node.world.db.run('update logout_delivery set hand_at = $1 where project_id = $2 and state = $3', [
      new Date(server.clock.now().getTime() + 60_000),
      site.made.id,
      'pending',
    ])
    got = []
    answer = () => 200
    await tellLeftBehind(server.node)
    expect(got).toEqual([])
    await server.clock.advance(61_000)
    await tellLeftBehind(server.node)
    await until(async () => nodes(await listed({ user }))[0]?.state === 'DELIVERED')
  })

  test('of another project sees none of them, and sends none again', async () => {
    answer = () => 400
    const { user } = await signedOut('told', 'FAILED')
    const [{ id }] = nodes(await listed({ user }))
    const other = await server.project({})
    expect(await listed({}, other)).toMatchObject({ totalCount: 0, edges: [] })
    expect((await ask('query ($id: ID!) { node(id: $id) { id } }', { id }, other)).node).toBeNull()
    await expect(ask(resend, { id }, other)).rejects.toThrow(/not found/)
    await expect(ask(resend, { id: user })).rejects.toThrow(/not the ID of a BackchannelLogoutDelivery/)
    expect(nodes(await listed({ user }))[0].state).toBe('FAILED')
  })
})
