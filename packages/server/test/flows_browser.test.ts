// Flows as the pages use them: bound to a browser, with an authorization request and a session that is there already.
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFlow, type FlowCaller, FlowRefusal, readState, submit } from '../src/flows/answer.ts'
import { insertIdentity } from '../src/identities/store.ts'
import { insertOneTimeToken } from '../src/oauth/one_time.ts'
import type { OAuthRequest } from '../src/oauth/request.ts'
import { saveOAuthRequest } from '../src/oauth/requests.ts'
import { findAuthenticationResult } from '../src/oauth/results.ts'
import { type Project, scopeOf } from '../src/projects/find.ts'
import { inTransaction } from '../src/storage/database.ts'
import type { Headgear } from '../src/testing.ts'
import { insertUser } from '../src/users/store.ts'
import { headgear } from './support/store.ts'

let server: Headgear
beforeAll(async () => {
  server = await headgear()
})
afterAll(() => server.stop())

const password = 'a long enough one'
const config = {
  verification: { claims: { email: { required: false } } },
  authentication: { identities: ['login_id', 'anonymous'] },
  oauth: { clients: [{ client_id: 'app', name: 'app', redirect_uris: ['https://app.example.com/cb'] }] },
}

async function setUp(more: object = {}) {
  const { id } = await server.project({ ...config, ...more })
  const project = (await server.node.directory.byId(id)) as Project
  const { node } = server
  const scope = scopeOf(node.world.db, project)
  const caller = (browser: string | undefined, session?: FlowCaller['session']): FlowCaller => ({
    origin: project.origins[0],
    caller: { ip: '203.0.113.5', userAgent: 'Mozilla/5.0' },
    browser,
    session,
  })
  const request = (more: Partial<OAuthRequest> = {}) =>
    saveOAuthRequest(scope, {
      request: {
        clientId: 'app',
        redirectUri: 'https://app.example.com/cb',
        responseType: 'code',
        responseMode: 'query',
        scopes: ['openid'],
        origin: project.origins[0].origin,
        prompt: [],
        browserSession: true,
        sso: true,
        ...more,
      },
      now: node.world.clock.now(),
      random: node.world.random,
    })
  const signUp = async (email: string, at: FlowCaller, ref?: string) => {
    const begun = await createFlow(node, project, { type: 'signup', name: 'default', ref }, at)
    const asked = await submit(node, project, begun.stateToken, { identification: 'email', login_id: email }, at)
    return {
      token: asked.stateToken,
      view: await submit(
        node,
        project,
        asked.stateToken,
        { authentication: 'primary_password', new_password: password },
        at,
      ),
    }
  }
  const session = async (cookies: readonly string[]) => {
    const text =
      cookies
        .find((cookie) => cookie.includes('session='))
        ?.split(';')[0]
        ?.split('=')[1] ?? ''
    return node.sessions.resolve(project, { as: 'session', text }, { ip: '203.0.113.5' })
  }
  return { node, project, scope, caller, request, signUp, session }
}

const codeOf = (uri: string | undefined) => new URL(uri ?? '').searchParams.get('code') ?? ''
const finishUri = (view: { action: { data: object } }) =>
  (view.action.data as { finish_redirect_uri?: string }).finish_redirect_uri

describe('a flow that began in a browser', () => {
  test('is not there for another one', async () => {
    const { node, project, caller } = await setUp()
    const view = await createFlow(node, project, { type: 'login', name: 'default' }, caller('mine'))
    await expect(readState(node, project, view.stateToken, caller('other'))).rejects.toMatchObject({
      reason: 'AuthenticationFlowNotFound',
    })
    await expect(readState(node, project, view.stateToken, caller(undefined))).rejects.toMatchObject({
      reason: 'AuthenticationFlowNotFound',
    })
    await expect(submit(node, project, view.stateToken, {}, caller('other'))).rejects.toMatchObject({
      reason: 'AuthenticationFlowNotFound',
    })
    expect((await readState(node, project, view.stateToken, caller('mine'))).action).toEqual(view.action)
  })

  test('belongs to its project', async () => {
    const one = await setUp()
    const two = await setUp()
    const view = await createFlow(one.node, one.project, { type: 'login', name: 'default' }, one.caller(undefined))
    await expect(readState(two.node, two.project, view.stateToken, two.caller(undefined))).rejects.toMatchObject({
      reason: 'AuthenticationFlowNotFound',
    })
  })

  test('hands the result over to the application, bound to the browser', async () => {
    const { node, project, scope, caller, request, signUp, session } = await setUp()
    const { view } = await signUp('ana@example.com', caller('mine'), await request())
    expect(finishUri(view)).toMatch(new RegExp(`^${project.origins[0].origin}/oauth2/consent\\?code=[\\w-]{32}$`))
    const now = node.world.clock.now()
    const digest = (text: string) => createHash('sha256').update(text).digest()
    expect(await findAuthenticationResult(scope, codeOf(finishUri(view)), digest('other'), now)).toBeUndefined()
    const result = await findAuthenticationResult(scope, codeOf(finishUri(view)), digest('mine'), now)
    const found = await session(view.cookies)
    if (found?.kind !== 'idp') throw new Error('no session')
    expect(result).toMatchObject({
      userId: found.user.id,
      idpSessionId: found.session.id,
      grantId: null,
      amr: ['pwd', 'x_primary_password'],
    })
    expect(view.cookies.map((cookie) => cookie.split('=')[0])).toEqual([`session`, `same_site_strict`, `signed_up`])
  })

  test('answers a repeat as it did: same session, same account, nothing written twice', async () => {
    const { node, project, caller, request, signUp } = await setUp()
    const { token, view } = await signUp('ana@example.com', caller('mine'), await request())
    const again = await submit(
      node,
      project,
      token,
      { authentication: 'primary_password', new_password: 'whatever they typed' },
      caller('mine'),
    )
    expect(again.cookies).toEqual(view.cookies)
    expect(again.action.type).toBe('finished')
    expect(finishUri(again)).toBe(finishUri(view))
    expect((await readState(node, project, token, caller('mine'))).cookies).toEqual(view.cookies)
    await expect(submit(node, project, token, {}, caller('other'))).rejects.toMatchObject({
      reason: 'AuthenticationFlowNotFound',
    })
    const sessions = await node.world.db.query
      .selectFrom('idp_session')
      .select('id')
      .where('project_id', '=', project.id)
      .execute()
    expect(sessions).toHaveLength(1)
    // Two at the same moment.
    const begun = await createFlow(
      node,
      project,
      { type: 'login', name: 'default', ref: await request() },
      caller('mine'),
    )
    const asked = await submit(
      node,
      project,
      begun.stateToken,
      { identification: 'email', login_id: 'ana@example.com' },
      caller('mine'),
    )
    const both = await Promise.all(
      [1, 2].map(() =>
        submit(node, project, asked.stateToken, { authentication: 'primary_password', password }, caller('mine')),
      ),
    )
    expect(both[0]?.cookies).toEqual(both[1]?.cookies)
  })

  test('database and keys alone make no cookie of it', async () => {
    const { node, project, caller, signUp } = await setUp()
    const { view } = await signUp('ana@example.com', caller('mine'))
    const cookie = view.cookies[0]?.split(';')[0]?.split('=')[1] ?? ''
    for (const table of ['flow', 'flow_state', 'idp_session', 'authentication_result'] as const) {
      const rows = await node.world.db.query
        .selectFrom(table)
        .selectAll()
        .where('project_id', '=', project.id)
        .execute()
      const text = JSON.stringify(rows, (_, value) =>
        value?.type === 'Buffer' ? Buffer.from(value.data).toString('base64url') : value,
      )
      expect(text).not.toContain(cookie)
      expect(text).not.toContain(Buffer.from(cookie, 'base64url').subarray(2, 18).toString('base64url'))
    }
  })

  test('leaves no session behind where the application wants none', async () => {
    const { node, project, caller, request, signUp } = await setUp()
    const { view } = await signUp(
      'ana@example.com',
      caller('mine'),
      await request({ browserSession: false, sso: false }),
    )
    expect(view.cookies.map((cookie) => cookie.split('=')[0])).toEqual(['signed_up'])
    expect(
      await node.world.db.query.selectFrom('idp_session').select('id').where('project_id', '=', project.id).execute(),
    ).toEqual([])
    const kinds = await node.world.db.query
      .selectFrom('event')
      .select('kind')
      .where('project_id', '=', project.id)
      .orderBy('id')
      .execute()
    expect(kinds.map((row) => row.kind)).toContain('user.authenticated')
  })
})

describe('a session that is there already', () => {
  test('is offered, goes on without a password, and is the one the application gets (31)', async () => {
    const { node, project, scope, caller, request, signUp, session } = await setUp()
    const first = await signUp('ana@example.com', caller('mine'))
    const live = await session(first.view.cookies)
    if (live?.kind !== 'idp') throw new Error('no session')
    const begun = await createFlow(
      node,
      project,
      { type: 'login', name: 'default', ref: await request() },
      caller('mine', live),
    )
    expect(begun.action.data).toMatchObject({
      options: [
        { identification: 'select_account', display_name: 'ana@example.com', user_id: live.user.id },
        { identification: 'email' },
      ],
    })
    const done = await submit(
      node,
      project,
      begun.stateToken,
      { identification: 'select_account', index: 0 },
      caller('mine', live),
    )
    expect(done.cookies).toEqual([])
    const result = await findAuthenticationResult(
      scope,
      codeOf(finishUri(done)),
      createHash('sha256').update('mine').digest(),
      node.world.clock.now(),
    )
    expect(result).toMatchObject({ idpSessionId: live.session.id, userId: live.user.id, amr: live.session.amr })

    const without = await createFlow(node, project, { type: 'login', name: 'default' }, caller('mine'))
    expect(without.action.data).toEqual({ type: 'identification_data', options: [{ identification: 'email' }] })
    const fresh = await createFlow(
      node,
      project,
      { type: 'login', name: 'default', ref: await request({ prompt: ['login'] }) },
      caller('mine', live),
    )
    expect(fresh.action.data).toEqual({ type: 'identification_data', options: [{ identification: 'email' }] })
  })

  test('that has changed meanwhile is not taken for the other (32)', async () => {
    const { node, project, caller, signUp, session } = await setUp()
    const ana = await session((await signUp('ana@example.com', caller('mine'))).view.cookies)
    const bo = await session((await signUp('bo@example.com', caller('other'))).view.cookies)
    const begun = await createFlow(node, project, { type: 'login', name: 'default' }, caller('mine', ana))
    for (const now of [bo, undefined])
      await expect(
        submit(node, project, begun.stateToken, { identification: 'select_account', index: 0 }, caller('mine', now)),
      ).rejects.toMatchObject({ name: 'Unauthorized', reason: 'SelectAccountSessionChanged' })
  })

  test('gives way to a new sign-in in the same browser', async () => {
    const { node, project, caller, signUp, session } = await setUp()
    const live = await session((await signUp('ana@example.com', caller('mine'))).view.cookies)
    const next = await signUp('bo@example.com', caller('mine', live))
    const rows = await node.world.db.query
      .selectFrom('idp_session')
      .select('ended_at')
      .where('project_id', '=', project.id)
      .orderBy('created_at')
      .execute()
    expect(rows.map((row) => row.ended_at === null)).toEqual([false, true])
    expect((await session(next.view.cookies))?.user.standard_attributes).toEqual({ email: 'bo@example.com' })
  })
})

describe('re-authentication', () => {
  test('with the hint of the authorization request raises that session', async () => {
    const { node, project, scope, caller, request, signUp, session } = await setUp()
    const live = await session((await signUp('ana@example.com', caller('mine'))).view.cookies)
    if (live?.kind !== 'idp') throw new Error('no session')
    await server.clock.advance(3600_000)
    const ref = await request({ prompt: ['login'], hint: { sub: live.user.id } })
    const asked = await createFlow(node, project, { type: 'reauth', name: 'default', ref }, caller('mine', live))
    expect(asked.action).toMatchObject({
      type: 'authenticate',
      data: { options: [{ authentication: 'primary_password' }] },
    })
    await expect(
      submit(
        node,
        project,
        asked.stateToken,
        { authentication: 'primary_password', password: 'not this' },
        caller('mine', live),
      ),
    ).rejects.toBeInstanceOf(FlowRefusal)
    const done = await submit(
      node,
      project,
      asked.stateToken,
      { authentication: 'primary_password', password },
      caller('mine', live),
    )
    expect(done.cookies).toEqual([])
    const row = await node.world.db.query
      .selectFrom('idp_session')
      .select(['id', 'auth_time'])
      .where('project_id', '=', project.id)
      .executeTakeFirstOrThrow()
    expect(row.auth_time.getTime() - live.session.auth_time.getTime()).toBeGreaterThanOrEqual(3600_000)
    const result = await findAuthenticationResult(
      scope,
      codeOf(finishUri(done)),
      createHash('sha256').update('mine').digest(),
      node.world.clock.now(),
    )
    expect(result).toMatchObject({ userId: live.user.id, idpSessionId: row.id })
  })

  test('of a grant that the hint names leaves its id for the application', async () => {
    const { node, project, scope, caller, request, signUp } = await setUp()
    const { view } = await signUp('ana@example.com', caller('mine'))
    const user = await node.world.db.query
      .selectFrom('end_user')
      .select('id')
      .where('project_id', '=', project.id)
      .executeTakeFirstOrThrow()
    expect(view.action.type).toBe('finished')
    const grant = Buffer.alloc(16, 3)
    const sid = Buffer.from(`offline_grant:${grant.toString('base64url')}`).toString('base64url')
    const ref = await request({ hint: { sub: user.id, sid }, browserSession: false, sso: false })
    const asked = await createFlow(node, project, { type: 'reauth', name: 'default', ref }, caller('mine'))
    const done = await submit(
      node,
      project,
      asked.stateToken,
      { authentication: 'primary_password', password },
      caller('mine'),
    )
    const result = await findAuthenticationResult(
      scope,
      codeOf(finishUri(done)),
      createHash('sha256').update('mine').digest(),
      node.world.clock.now(),
    )
    expect(result).toMatchObject({ userId: user.id, idpSessionId: null, grantId: grant })
  })
})

describe('promotion (33)', () => {
  async function anonymous(project: Project, keyId: string, key?: Record<string, unknown>) {
    const { node } = server
    return inTransaction(scopeOf(node.world.db, project), async (tx) => {
      const userId = await insertUser(
        tx,
        { standardAttributes: { nickname: 'guest' }, customAttributes: {} },
        node.world.clock.now(),
      )
      await insertIdentity(tx, userId, { type: 'anonymous', keyId, key }, node.world.clock.now())
      return userId
    })
  }

  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' }) as Record<string, unknown>
  function signed(keyId: string, claims: object, by = privateKey): string {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const now = Math.floor(server.clock.now().getTime() / 1000)
    const input = `${encode({ typ: 'vnd.authgear.anonymous-request', alg: 'ES256', kid: keyId })}.${encode({ iat: now, exp: now + 60, ...claims })}`
    return `${input}.${sign('sha256', Buffer.from(input), { key: by, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
  }

  test('by key pair: the same user with the same data, no longer anonymous', async () => {
    const { node, project, scope, caller, request } = await setUp()
    const userId = await anonymous(project, 'key-0001', jwk)
    const chance = { random: node.world.random, now: node.world.clock.now() }
    const { token: challenge } = await insertOneTimeToken(scope, 'challenge', { purpose: 'anonymous_request' }, chance)
    const jwt = signed('key-0001', { challenge, action: 'promote' })
    const ref = await request({ prompt: ['login'], loginHint: { type: 'anonymous', jwt } })
    const begun = await createFlow(node, project, { type: 'promote', name: 'default', ref }, caller('mine'))
    // The page is loaded again; nobody else may use the hint.
    await createFlow(node, project, { type: 'promote', name: 'default', ref }, caller('mine'))
    const stolen = await request({ loginHint: { type: 'anonymous', jwt } })
    await expect(
      createFlow(node, project, { type: 'promote', name: 'default', ref: stolen }, caller('thief')),
    ).rejects.toMatchObject({ reason: 'InvalidCredentials' })

    const asked = await submit(
      node,
      project,
      begun.stateToken,
      { identification: 'email', login_id: 'guest@example.com' },
      caller('mine'),
    )
    const done = await submit(
      node,
      project,
      asked.stateToken,
      { authentication: 'primary_password', new_password: password },
      caller('mine'),
    )
    expect(done).toMatchObject({ type: 'promote', action: { type: 'finished' } })
    const { query } = node.world.db
    const identities = await query
      .selectFrom('identity')
      .select(['user_id', 'type', 'login_id'])
      .where('project_id', '=', project.id)
      .execute()
    expect(identities).toEqual([{ user_id: userId, type: 'login_id', login_id: 'guest@example.com' }])
    const user = await query
      .selectFrom('end_user')
      .select('standard_attributes')
      .where('project_id', '=', project.id)
      .where('id', '=', userId)
      .executeTakeFirstOrThrow()
    expect(user.standard_attributes).toEqual({ nickname: 'guest', email: 'guest@example.com' })
    const events = await query
      .selectFrom('event')
      .select(['kind', 'payload'])
      .where('project_id', '=', project.id)
      .execute()
    expect(events).toContainEqual({
      kind: 'user.anonymous.promoted',
      payload: { anonymous_user_id: userId, user_id: userId },
    })
  })

  test('refuses another key, another action, a spent challenge, and a user who is not anonymous any more', async () => {
    const { node, project, scope, caller, request } = await setUp()
    await anonymous(project, 'key-0002', jwk)
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const attempt = async (jwt: (challenge: string) => string, purpose = 'anonymous_request') => {
      const { token } = await insertOneTimeToken(
        scope,
        'challenge',
        { purpose },
        { random: node.world.random, now: node.world.clock.now() },
      )
      const ref = await request({ loginHint: { type: 'anonymous', jwt: jwt(token) } })
      return createFlow(node, project, { type: 'promote', name: 'default', ref }, caller('mine'))
    }
    await expect(
      attempt((challenge) => signed('key-0002', { challenge, action: 'promote' }, other)),
    ).rejects.toMatchObject({ reason: 'InvalidCredentials' })
    await expect(attempt((challenge) => signed('key-0002', { challenge, action: 'auth' }))).rejects.toMatchObject({
      reason: 'InvalidCredentials',
    })
    await expect(
      attempt(() => signed('key-0002', { challenge: 'x'.repeat(32), action: 'promote' })),
    ).rejects.toMatchObject({ reason: 'InvalidCredentials' })
    await expect(
      attempt((challenge) => signed('key-0002', { challenge, action: 'promote' }), 'biometric_request'),
    ).rejects.toMatchObject({ reason: 'InvalidCredentials' })
    await expect(attempt((challenge) => signed('key-none', { challenge, action: 'promote' }))).rejects.toMatchObject({
      reason: 'InvalidCredentials',
    })
    await expect(createFlow(node, project, { type: 'promote', name: 'default' }, caller('mine'))).rejects.toMatchObject(
      { reason: 'InvalidCredentials' },
    )

    const [one, two] = [
      await attempt((challenge) => signed('key-0002', { challenge, action: 'promote' })),
      await attempt((challenge) => signed('key-0002', { challenge, action: 'promote' })),
    ]
    const finish = async (view: { stateToken: string }, email: string) => {
      const asked = await submit(
        node,
        project,
        view.stateToken,
        { identification: 'email', login_id: email },
        caller('mine'),
      )
      return submit(
        node,
        project,
        asked.stateToken,
        { authentication: 'primary_password', new_password: password },
        caller('mine'),
      )
    }
    await finish(one, 'one@example.com')
    await expect(finish(two, 'two@example.com')).rejects.toMatchObject({ reason: 'InvariantViolated' })
  })

  test('into an account that exists becomes its login', async () => {
    const { node, project, scope, caller, request, signUp } = await setUp()
    await signUp('ana@example.com', caller('elsewhere'))
    const userId = await anonymous(project, 'web-guest')
    const { token } = await insertOneTimeToken(
      scope,
      'promotion_code',
      { user_id: userId },
      { random: node.world.random, now: node.world.clock.now() },
    )
    const ref = await request({ loginHint: { type: 'anonymous', promotionCode: token } })
    const begun = await createFlow(node, project, { type: 'promote', name: 'default', ref }, caller('mine'))
    const asked = await submit(
      node,
      project,
      begun.stateToken,
      { identification: 'email', login_id: 'ana@example.com' },
      caller('mine'),
    )
    expect(asked).toMatchObject({ type: 'login', action: { type: 'authenticate' } })
    const done = await submit(
      node,
      project,
      asked.stateToken,
      { authentication: 'primary_password', password },
      caller('mine'),
    )
    expect(done.type).toBe('login')
    const guest = await node.world.db.query
      .selectFrom('identity')
      .select('type')
      .where('project_id', '=', project.id)
      .where('user_id', '=', userId)
      .execute()
    expect(guest).toEqual([{ type: 'anonymous' }])
  })
})
