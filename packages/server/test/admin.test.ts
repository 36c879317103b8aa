// The Admin API through HTTP: who may ask, what is told, what a change leaves behind.
import { createHmac, createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import fc from 'fast-check'
import { getIntrospectionQuery } from 'graphql'
import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { nodeId } from '../src/admin/ids.ts'
import { adminToken } from '../src/admin/token.ts'
import { insertAuthenticator } from '../src/authenticators/store.ts'
import type { DevelopmentProject } from '../src/dev/projects.ts'
import { insertIdentity } from '../src/identities/store.ts'
import { type Project, scopeOf } from '../src/projects/find.ts'
import { mintAccessToken, newGrantSecret, refreshToken } from '../src/sessions/credential.ts'
import { refresh } from '../src/sessions/refresh.ts'
import { startBrowserSession } from '../src/sessions/start.ts'
import { insertGrant } from '../src/sessions/store.ts'
import { inTransaction } from '../src/storage/database.ts'
import type { Headgear } from '../src/testing.ts'
import { insertUser, insertVerifiedClaim } from '../src/users/store.ts'
import { headgear, statementsOf } from './support/store.ts'

const config = {
  authentication: { identities: ['login_id'], primary_authenticators: ['password', 'oob_otp_email'] },
  identity: { login_id: { keys: [{ type: 'email' }, { type: 'username' }] } },
  user_profile: {
    custom_attributes: {
      attributes: [
        {
          id: '0001',
          pointer: '/hobby',
          type: 'string',
          access_control: { end_user: 'hidden', bearer: 'hidden', portal_ui: 'readwrite' },
        },
      ],
    },
  },
  oauth: {
    clients: [{ client_id: 'app', name: 'App', x_application_type: 'spa', redirect_uris: ['http://app.test/'] }],
  },
}

let h: Headgear
let one: DevelopmentProject
let other: DevelopmentProject
const lines: string[] = []

beforeAll(async () => {
  h = await headgear({ log: (line) => lines.push(line) })
  one = await h.project(config)
  other = await h.project(config)
})
afterAll(() => h.stop())

// ---- asking -------------------------------------------------------------------------------------------------------

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into without ceremony.
type Json = any

type Answer = { status: number; type: string; text: string; data: Json; errors: Json[] | undefined; error: Json }

function tokenOf(project: DevelopmentProject): string {
  return adminToken(project.id, project.admin_key, h.clock.now())
}

async function post(
  body: unknown,
  options: { token?: string | null; project?: DevelopmentProject; type?: string; query?: string } = {},
): Promise<Answer> {
  const { project = one, type = 'application/json' } = options
  const token = options.token === undefined ? tokenOf(project) : options.token
  const response = await fetch(`${project.local_origin}/_api/admin/graphql${options.query ?? ''}`, {
    method: 'POST',
    headers: { 'content-type': type, ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await response.text()
  const json = text.startsWith('{') ? JSON.parse(text) : {}
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    text,
    data: json.data,
    errors: json.errors,
    error: json.error,
  }
}

const ask = (query: string, variables: Record<string, unknown> = {}, project = one) =>
  h.admin(query, variables, project) as Promise<Json>

async function refused(query: string, variables: Record<string, unknown> = {}, project = one) {
  const answer = await post({ query, variables }, { project })
  expect(answer.status).toBe(200)
  expect(answer.errors, answer.text).toHaveLength(1)
  return { ...answer.errors?.[0], data: answer.data }
}

// ---- making -------------------------------------------------------------------------------------------------------

async function projectOf(project: DevelopmentProject): Promise<Project> {
  const found = await h.node.directory.byId(project.id)
  if (found === undefined) throw new Error('no project')
  return found
}

type Person = {
  email?: string
  username?: string
  attributes?: Record<string, unknown>
  custom?: Record<string, unknown>
  createdAt?: Date
  lastLoginAt?: Date | null
}

async function makeUser(person: Person = {}, project = one): Promise<string> {
  const scope = scopeOf(h.node.world.db, project)
  const now = person.createdAt ?? h.clock.now()
  return inTransaction(scope, async (tx) => {
    const standardAttributes = { ...(person.email ? { email: person.email } : {}), ...person.attributes }
    const id = await insertUser(tx, { standardAttributes, customAttributes: person.custom ?? {} }, now)
    const loginIds = [['email', person.email] as const, ['username', person.username] as const]
    for (const [type, value] of loginIds)
      if (value !== undefined)
        await insertIdentity(
          tx,
          id,
          { type: 'login_id', loginId: { key: type, type, value, original: value.toUpperCase(), uniqueKey: value } },
          now,
        )
    if (person.lastLoginAt)
      await tx.query
        .updateTable('end_user')
        .set({ last_login_at: person.lastLoginAt })
        .where('project_id', '=', project.id)
        .where('id', '=', id)
        .execute()
    return id
  })
}

const agent =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

/** A browser session with a grant made from it, as a sign-in leaves them. */
async function signIn(
  userId: string,
  options: { sso?: boolean; authorizationId?: string; deviceInfo?: object; project?: DevelopmentProject } = {},
) {
  const given = options.project ?? one
  const project = await projectOf(given)
  const { world } = h.node
  const origin = project.origins.find((candidate) => candidate.origin === given.local_origin) ?? project.origins[0]
  const caller = { ip: '192.0.2.7', userAgent: agent }
  const now = world.clock.now()
  const scope = scopeOf(world.db, project)
  const started = await inTransaction(scope, (tx) =>
    startBrowserSession(tx, world, project, { userId, origin, authTime: now, amr: ['pwd'], caller }),
  )
  const { secret, id } = newGrantSecret(project.id, world.random)
  const expiresAt = new Date(now.getTime() + 1_800_000)
  await insertGrant(
    scope,
    {
      id,
      kind: 'code',
      userId,
      clientId: 'app',
      authorizationId: options.authorizationId ?? null,
      idpSessionId: started.id,
      sso: options.sso ?? false,
      origin: origin.origin,
      scopes: ['openid', 'offline_access'],
      authTime: now,
      amr: ['pwd'],
      ip: caller.ip,
      userAgent: '',
      deviceInfo: options.deviceInfo ?? null,
      hasRefreshToken: true,
      keyId: project.ring.current,
      jwtExpiresAt: expiresAt,
      dpopJkt: null,
      keyHolder: null,
      app2appKey: null,
      deviceSecret: null,
      now,
    },
    { id: uuidv7(), payload: JSON.stringify({ user_id: userId }) },
  )
  const from = { ring: project.ring, projectId: project.id, random: world.random }
  const client = project.clients.get('app')
  if (client === undefined) throw new Error('no client')
  return {
    cookie: started.cookies[0]?.split(';')[0] ?? '',
    bearer: mintAccessToken({ id, generation: 0, expiresAt }, from).token,
    idp: nodeId('Session', started.id.toString('base64url')),
    grant: nodeId('Session', id.toString('base64url')),
    resolve: async (credential: 'cookie' | 'bearer') => {
      const made =
        credential === 'cookie'
          ? { cookie: started.cookies[0]?.split(';')[0] ?? '' }
          : {
              authorization: `Bearer ${mintAccessToken({ id, generation: 0, expiresAt: new Date(h.clock.now().getTime() + 1_800_000) }, from).token}`,
            }
      const response = await fetch(`${given.local_origin}/_resolver/resolve`, {
        headers: made as Record<string, string>,
      })
      return response.headers.get('x-authgear-session-valid')
    },
    refresh: () =>
      refresh(world, project, {
        token: refreshToken({ secret, generation: 0, keyId: project.ring.current }, from),
        client,
        jkt: null,
        ip: caller.ip,
        userAgent: '',
        deviceInfo: undefined,
        jwtExpiresAt: expiresAt,
      }),
  }
}

async function eventsOf(userId: string, project = one): Promise<{ kind: string; payload: Json }[]> {
  const { rows } = await sql<{ kind: string; payload: Json }>`select kind, payload from event
    where project_id = ${project.id} and payload ->> 'user_id' = ${userId} order by id`.execute(h.node.world.db.query)
  return rows
}

const kindsOf = async (userId: string) => (await eventsOf(userId)).map((event) => event.kind)

// ---- who may ask --------------------------------------------------------------------------------------------------

describe('the admin token', () => {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const seconds = () => Math.floor(h.clock.now().getTime() / 1000)

  function forge(claims: object, header: object = {}, key: Record<string, unknown> = one.admin_key): string {
    const now = seconds()
    const input = `${encode({ alg: 'RS256', typ: 'JWT', kid: one.admin_key.kid, ...header })}.${encode({ aud: one.id, iat: now, exp: now + 300, ...claims })}`
    return `${input}.${sign('sha256', Buffer.from(input), { key: key as never, format: 'jwk' }).toString('base64url')}`
  }

  const isAccepted = async (token: string | null) => {
    const answer = await post({ query: '{ __typename }' }, { token })
    if (answer.status === 200) return true
    expect(answer).toMatchObject({ status: 403, text: 'Forbidden' })
    expect(answer.type).toMatch(/^text\/plain/)
    return false
  }

  test('is taken in every form of the contract', async () => {
    expect(await isAccepted(tokenOf(one))).toBe(true)
    expect(await isAccepted(forge({ aud: ['elsewhere', one.id] }))).toBe(true)
    expect(await isAccepted(forge({ iat: seconds() - 600, exp: seconds() - 290 }))).toBe(true)
    expect(await isAccepted(forge({ iat: seconds() + 290, exp: seconds() + 86_690 }))).toBe(true)
    expect(await isAccepted(forge({ nbf: seconds() + 290 }))).toBe(true)
  })

  test('is refused in every other', async () => {
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
    const bad: Record<string, string | null> = {
      none: null,
      empty: '',
      garbage: 'x.y.z',
      expired: forge({ iat: seconds() - 600, exp: seconds() - 301 }),
      'without exp': forge({ exp: undefined }),
      'without iat': forge({ iat: undefined }),
      'exp as text': forge({ exp: String(seconds() + 300) }),
      'for two days': forge({ exp: seconds() + 2 * 86_400 }),
      'a year old, for a year': forge({ iat: seconds() - 365 * 86_400, exp: seconds() + 300 }),
      'from the future': forge({ iat: seconds() + 400, exp: seconds() + 700 }),
      'not yet valid': forge({ nbf: seconds() + 400 }),
      'without aud': forge({ aud: undefined }),
      'for another project': forge({ aud: other.id }),
      'for others': forge({ aud: [other.id, 'x'] }),
      'for a part of the name': forge({ aud: one.id.slice(0, -1) }),
      "by the other project's key": forge({}, { kid: other.admin_key.kid }, other.admin_key),
      "by the other project's key under our kid": forge({}, {}, other.admin_key),
      'by a stranger': forge({}, {}, { ...stranger }),
      'unknown kid': forge({}, { kid: 'another' }),
      'no kid': forge({}, { kid: undefined }),
      'critical header': forge({}, { crit: ['exp'] }),
      'alg RS512': forge({}, { alg: 'RS512' }),
      'no algorithm': `${encode({ alg: 'none', kid: one.admin_key.kid })}.${encode({ aud: one.id, iat: seconds(), exp: seconds() + 300 })}.`,
    }
    // The public key is no secret: as an HMAC key it must sign nothing.
    const { kty, n, e } = one.admin_key
    for (const form of ['pem', 'der', 'jwk'] as const) {
      const exported = createPublicKey({ key: { kty, n, e } as never, format: 'jwk' }).export(
        form === 'jwk' ? { format: 'jwk' } : ({ type: 'spki', format: form } as never),
      ) as unknown as string | Buffer | object
      const secret = typeof exported === 'string' || Buffer.isBuffer(exported) ? exported : JSON.stringify(exported)
      const input = `${encode({ alg: 'HS256', typ: 'JWT', kid: one.admin_key.kid })}.${encode({ aud: one.id, iat: seconds(), exp: seconds() + 300 })}`
      bad[`HS256 with the public key as ${form}`] =
        `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
    }
    const [head, , signature] = tokenOf(one).split('.')
    bad['changed claims'] = `${head}.${encode({ aud: one.id, iat: seconds(), exp: seconds() + 3600 })}.${signature}`
    bad['cut signature'] = tokenOf(one).slice(0, -8)
    for (const [name, token] of Object.entries(bad)) expect(await isAccepted(token), name).toBe(false)
  })

  test('dies by the clock of the product', async () => {
    const server = await headgear()
    const project = await server.project(config)
    const token = adminToken(project.id, project.admin_key, server.clock.now())
    const status = () =>
      fetch(`${project.local_origin}/_api/admin/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `bearer  ${token}` },
        body: '{"query":"{__typename}"}',
      }).then((response) => response.status)
    expect(await status()).toBe(200)
    await server.clock.advance(601_000)
    expect(await status()).toBe(403)
    await server.stop()
  })

  test('may be signed by any key of the set', async () => {
    const keys = ['first', 'second'].map((kid) => ({
      ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
      kid,
    }))
    const project = await h.project(config, stringify({ secrets: [{ key: 'admin-api.auth', data: { keys } }] }))
    for (const key of keys) {
      const answer = await post(
        { query: '{ __typename }' },
        { project, token: adminToken(project.id, key, h.clock.now()) },
      )
      expect(answer).toMatchObject({ status: 200, data: { __typename: 'Query' } })
    }
  })

  test('of one project is noise in another, and so are its ids', async () => {
    const theirs = await makeUser({ email: 'theirs@example.test' }, other)
    expect((await post({ query: '{ users { totalCount } }' }, { project: one, token: tokenOf(other) })).status).toBe(
      403,
    )
    const id = nodeId('User', theirs)
    expect(
      await ask(
        'query ($id: ID!) { node(id: $id) { id } users(searchKeyword: "theirs") { totalCount } getUserByLoginID(loginIDKey: "email", loginIDValue: "theirs@example.test") { id } }',
        { id },
      ),
    ).toEqual({
      node: null,
      users: { totalCount: 0 },
      getUserByLoginID: null,
    })
    const { extensions } = await refused(
      'mutation ($id: ID!) { deleteUser(input: { userID: $id }) { deletedUserID } }',
      { id },
    )
    expect(extensions).toMatchObject({ errorName: 'NotFound', reason: 'UserNotFound' })
    const session = await signIn(theirs, { project: other })
    const revoked = await refused('mutation ($id: ID!) { revokeSession(input: { sessionID: $id }) { user { id } } }', {
      id: session.idp,
    })
    expect(revoked.extensions).toMatchObject({ errorName: 'NotFound' })
    expect(await session.resolve('cookie')).toBe('true')
    expect(await ask('query ($id: ID!) { node(id: $id) { id } }', { id }, other)).toEqual({ node: { id } })
  })
})

// ---- how it is asked ----------------------------------------------------------------------------------------------

describe('a request', () => {
  test('may carry variables as an object or as text, or be a bare document', async () => {
    const query = 'query Q($id: ID!) { node(id: $id) { id } } query R { __typename }'
    const variables = { id: 'x' }
    expect((await post({ query, variables, operationName: 'Q' })).data).toEqual({ node: null })
    expect((await post({ query, variables: JSON.stringify(variables), operationName: 'Q' })).data).toEqual({
      node: null,
    })
    expect((await post({ query, operationName: 'R', variables: null })).data).toEqual({ __typename: 'Query' })
    expect((await post('{ __typename }', { type: 'application/graphql; charset=utf-8' })).data).toEqual({
      __typename: 'Query',
    })
  })

  test('is what its body says, and nothing else', async () => {
    expect((await post({ query: '{ __typename }' }, { query: '?query={users{totalCount}}' })).data).toEqual({
      __typename: 'Query',
    })
    for (const [body, type] of [
      ['{', 'application/json'],
      ['[]', 'application/json'],
      ['{}', 'application/json'],
      ['{"query":7}', 'application/json'],
      ['{"query":"{__typename}","variables":"["}', 'application/json'],
      ['{"query":"{__typename}","variables":[]}', 'application/json'],
      ['[{"query":"{__typename}"}]', 'application/json'],
      ['query=%7B__typename%7D', 'application/x-www-form-urlencoded'],
      ['{__typename}', 'text/plain'],
    ] as const) {
      const answer = await post(body, { type })
      expect(answer, body).toMatchObject({ status: 400, error: { name: 'BadRequest', reason: 'InvalidJSON' } })
    }
  })

  test('by GET runs nothing', async () => {
    const url = `${one.local_origin}/_api/admin/graphql?query=${encodeURIComponent('{users{totalCount}}')}`
    const response = await fetch(url, { headers: { authorization: `Bearer ${tokenOf(one)}` } })
    expect(response.headers.get('content-type')).toMatch(/^text\/html/)
    expect(await response.text()).not.toContain('totalCount')
  })

  test('with mistakes is answered with what they are', async () => {
    const { message } = await refused('{ users { nothing } }')
    expect(message).toContain('nothing')
    expect((await refused('{ users(')).message).toContain('Syntax Error')
    expect(
      (await refused('query ($first: Int) { users(first: $first) { totalCount } }', { first: 'many' })).message,
    ).toContain('$first')
    expect(
      (
        await refused(
          'mutation { setDisabledStatus(input: { userID: "x", isDisabled: true, temporarilyDisabledFrom: "tomorrow" }) { user { id } } }',
        )
      ).message,
    ).toContain('DateTime')
    const several = await post({ query: 'query A { __typename } query B { __typename }' })
    expect(several.errors?.[0].message).toContain('operation')
  })

  test('that fails unexpectedly says no more than that, and the log says why', async () => {
    const id = nodeId('User', await makeUser())
    const { query } = h.node.world.db
    await sql`alter table verified_claim rename to verified_claim_away`.execute(query)
    const { message, extensions } = await refused(
      'query ($id: ID!) { node(id: $id) { ... on User { verifiedClaims { name } } } }',
      { id },
    ).finally(() => sql`alter table verified_claim_away rename to verified_claim`.execute(query))
    expect(message).toBe('unexpected error')
    expect(JSON.stringify(extensions)).not.toContain('verified_claim')
    const logged = lines.find((line) => line.includes(extensions.info.tracking_id))
    expect(logged).toContain('verified_claim')
  })

  test('has at most five mutations, however they are written', async () => {
    const id = nodeId('User', await makeUser())
    const one = (alias: string) =>
      `${alias}: setDisabledStatus(input: { userID: $id, isDisabled: false }) { user { id } }`
    const five = ['a', 'b', 'c', 'd', 'e'].map(one).join(' ')
    expect((await post({ query: `mutation ($id: ID!) { ${five} }`, variables: { id } })).errors).toBeUndefined()
    for (const query of [
      `mutation ($id: ID!) { ${five} ${one('f')} }`,
      `mutation ($id: ID!) { ...F ... on Mutation { ${one('f')} } } fragment F on Mutation { ${five} }`,
    ]) {
      const answer = await post({ query, variables: { id } })
      expect(answer).toMatchObject({ status: 400, error: { name: 'BadRequest', code: 400 } })
    }
  })

  test('is bounded in depth, cost, words and bytes', async () => {
    const tooMuch = async (body: object | string) =>
      expect(await post(body)).toMatchObject({ status: 400, error: { name: 'BadRequest' } })
    const typeOf = (levels: number): string => (levels === 0 ? 'name' : `ofType { ${typeOf(levels - 1)} }`)
    expect((await post({ query: getIntrospectionQuery() })).errors).toBeUndefined()
    await tooMuch({ query: `{ __schema { types { fields { type { ${typeOf(16)} } } } } }` })

    const everything = 'id sessions { edges { node { id displayName } } } identities { edges { node { id claims } } }'
    const users = (alias: string) => `${alias}: users { edges { node { ${everything} } } }`
    expect((await post({ query: `{ ${users('a')} }` })).errors).toBeUndefined()
    await tooMuch({ query: `{ ${Array.from({ length: 30 }, (_, index) => users(`a${index}`)).join(' ')} }` })
    // Nested fragments double at every level; they must be summed, not walked.
    const fragments = Array.from(
      { length: 30 },
      (_, level) => `fragment F${level} on User { ...F${level + 1} ... on User { ...F${level + 1} } }`,
    ).join(' ')
    const started = performance.now()
    await tooMuch({ query: `{ users { edges { node { ...F0 } } } } ${fragments} fragment F30 on User { id }` })
    expect(performance.now() - started).toBeLessThan(2000)

    const words = await post({ query: `{ ${'__typename '.repeat(6000)} }` })
    expect(words.errors?.[0].message).toContain('tokens')
    const large = await post(JSON.stringify({ query: '{ __typename }', variables: { text: 'x'.repeat(1024 * 1024) } }))
    expect(large).toMatchObject({ status: 413, error: { name: 'RequestEntityTooLarge' } })
  })

  test('too large is refused even when its length is not told', async () => {
    const part = new TextEncoder().encode(' '.repeat(64 * 1024))
    let sent = 0
    const body = new ReadableStream({
      pull(controller) {
        sent += 1
        if (sent > 40) controller.close()
        else controller.enqueue(part)
      },
    })
    const response = await fetch(`${one.local_origin}/_api/admin/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${tokenOf(one)}` },
      body,
      duplex: 'half',
    } as RequestInit).catch((error: Error) => error)
    if (response instanceof Response) expect(response.status).toBe(413)
    else expect(String(response)).toMatch(/fetch failed/)
  })
})

// ---- what is told -------------------------------------------------------------------------------------------------

describe('the list of users', () => {
  let project: DevelopmentProject
  const people: { id: string; createdAt: number; lastLoginAt: number }[] = []

  // Times are few, so that many share one and only the id tells them apart; some never signed in.
  beforeAll(async () => {
    project = await h.project(config)
    for (let index = 0; index < 23; index++) {
      const createdAt = new Date(Date.UTC(2026, 0, 1 + (index % 4)))
      const lastLoginAt = index % 3 === 0 ? null : new Date(Date.UTC(2026, 1, 1 + (index % 5)))
      const id = await makeUser({ createdAt, lastLoginAt }, project)
      people.push({
        id,
        createdAt: createdAt.getTime(),
        lastLoginAt: lastLoginAt?.getTime() ?? Number.NEGATIVE_INFINITY,
      })
    }
    // The database knows microseconds; a page may end between two of them.
    await sql`update end_user set created_at = created_at + interval '3 microseconds' where project_id = ${project.id} and id = ${people[0]?.id}`.execute(
      h.node.world.db.query,
    )
    if (people[0] !== undefined) people[0].createdAt += 0.003
  })

  const query = `query ($first: Int, $last: Int, $after: String, $before: String, $by: UserSortBy, $way: SortDirection) {
    users(first: $first, last: $last, after: $after, before: $before, sortBy: $by, sortDirection: $way) {
      totalCount edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

  test('gives everyone once, in order, in pages of any size, both ways, and says when it ends', async () => {
    const sorts = { CREATED_AT: 'createdAt', LAST_LOGIN_AT: 'lastLoginAt' } as const
    const byOrder = (by: keyof typeof sorts, way: string) => {
      const key = sorts[by]
      const sorted = [...people].sort((a, b) => (a[key] === b[key] ? (a.id < b.id ? -1 : 1) : a[key] - b[key]))
      return (way === 'DESC' ? sorted.reverse() : sorted).map((person) => nodeId('User', person.id))
    }
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom('CREATED_AT', 'LAST_LOGIN_AT'),
        fc.constantFrom('ASC', 'DESC'),
        fc.boolean(),
        async (size, by, way, forward) => {
          let seen: string[] = []
          let cursor: string | undefined
          for (;;) {
            const { users } = await ask(
              query,
              { by, way, ...(forward ? { first: size, after: cursor } : { last: size, before: cursor }) },
              project,
            )
            const page: string[] = users.edges.map((edge: Json) => edge.node.id)
            const { hasNextPage, hasPreviousPage, startCursor, endCursor } = users.pageInfo
            expect(users.totalCount).toBe(people.length)
            expect(forward ? hasPreviousPage : hasNextPage).toBe(seen.length > 0)
            seen = forward ? [...seen, ...page] : [...page, ...seen]
            const more = forward ? hasNextPage : hasPreviousPage
            expect(more).toBe(seen.length < people.length)
            if (!more) break
            expect(page).toHaveLength(size)
            cursor = forward ? endCursor : startCursor
          }
          expect(seen).toEqual(byOrder(by as keyof typeof sorts, way))
        },
      ),
      { numRuns: 40 },
    )
  }, 120_000)

  test('is newest first, a hundred a page, and takes a window between two cursors', async () => {
    const { users: all } = await ask(
      '{ users { edges { cursor node { id createdAt } } pageInfo { hasNextPage hasPreviousPage } } }',
      {},
      project,
    )
    const dates = all.edges.map((edge: Json) => edge.node.createdAt)
    expect(dates).toEqual([...dates].sort().reverse())
    expect(all.pageInfo).toEqual({ hasNextPage: false, hasPreviousPage: false })
    const cursors = all.edges.map((edge: Json) => edge.cursor)
    const { users } = await ask(query, { after: cursors[2], before: cursors[7], first: 3, last: 2 }, project)
    expect(users.edges.map((edge: Json) => edge.cursor)).toEqual(cursors.slice(4, 6))
    expect(users.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true })
  })

  test('refuses what is no page of it', async () => {
    const reason = async (variables: object) => (await refused(query, { ...variables }, project)).extensions.reason
    expect(await reason({ first: -1 })).toBe('InvalidQuery')
    expect(await reason({ after: 'x' })).toBe('InvalidCursor')
    const { users } = await ask(query, { first: 1 }, project)
    expect(await reason({ after: users.pageInfo.endCursor, by: 'LAST_LOGIN_AT' })).toBe('InvalidCursor')
  })
})

describe('finding users', () => {
  let project: DevelopmentProject
  let ada: string
  let bob: string

  beforeAll(async () => {
    project = await h.project(config)
    ada = nodeId(
      'User',
      await makeUser(
        {
          email: 'ada@lovelace.test',
          username: 'countess',
          attributes: { name: "Ada O'Lovelace", address: { locality: 'London' } },
        },
        project,
      ),
    )
    bob = nodeId(
      'User',
      await makeUser(
        {
          email: 'bob@lovelace.test',
          attributes: {
            given_name: 'Bob',
            family_name: 'Backslash\\',
            zoneinfo: 'Europe/Paris',
            phone_number: '+33612345678',
          },
        },
        project,
      ),
    )
  })

  const search = async (keyword: string) => {
    const { users } = await ask(
      'query ($keyword: String) { users(searchKeyword: $keyword, sortDirection: ASC) { totalCount edges { node { id } } } }',
      { keyword },
      project,
    )
    expect(users.totalCount).toBe(users.edges.length)
    return users.edges.map((edge: Json) => edge.node.id).sort()
  }

  test('by keyword: ids, login IDs, and words of the profile', async () => {
    const [raw] = Buffer.from(ada, 'base64url').toString().split(':').slice(1)
    for (const keyword of [
      raw ?? '',
      'ada@lovelace.test',
      'ADA@Lovelace.Test',
      'ada',
      'countess',
      'count',
      "O'Lovelace",
      "o'l",
      'london',
      'ada london',
      ' Ada   LON ',
    ])
      expect(await search(keyword), keyword).toEqual([ada])
    for (const keyword of ['bob', 'backslash\\', '+33612345678', '33612345678', 'europe/paris'])
      expect(await search(keyword), keyword).toEqual([bob])
    expect(await search('lovelace.test')).toEqual([ada, bob].sort())
    // Two letters are a word, not a beginning.
    for (const keyword of ['co', 'nobody', 'ada paris']) expect(await search(keyword), keyword).toEqual([])
    expect((await search('')).length).toBe(2)
  })

  test('by any text at all fails never', async () => {
    const nasty = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom("'", '\\', '&', '|', '!', ':', '*', '(', ')', ' ', 'a', '\0') }),
    )
    await fc.assert(
      fc.asyncProperty(nasty, async (keyword) => {
        const answer = await post(
          {
            query: 'query ($keyword: String) { users(searchKeyword: $keyword) { edges { node { id } } } }',
            variables: { keyword },
          },
          { project },
        )
        expect(answer.errors, JSON.stringify(keyword)).toBeUndefined()
      }),
      { numRuns: 60 },
    )
  })

  test('by login ID, however it is written', async () => {
    const query =
      'query ($key: String!, $value: String!) { getUserByLoginID(loginIDKey: $key, loginIDValue: $value) { id } }'
    expect(await ask(query, { key: 'email', value: ' Ada@LOVELACE.test' }, project)).toEqual({
      getUserByLoginID: { id: ada },
    })
    expect(await ask(query, { key: 'username', value: 'Countess' }, project)).toEqual({ getUserByLoginID: { id: ada } })
    expect(await ask(query, { key: 'username', value: 'ada@lovelace.test' }, project)).toEqual({
      getUserByLoginID: null,
    })
    expect(await ask(query, { key: 'email', value: 'not an address' }, project)).toEqual({ getUserByLoginID: null })
    expect((await refused(query, { key: 'phone', value: '+1' }, project)).extensions).toMatchObject({
      reason: 'InvariantViolated',
      info: { cause: { kind: 'InvalidLoginIDKey' } },
    })
  })

  test('by standard attribute', async () => {
    const query =
      'query ($name: String!, $value: String!) { getUsersByStandardAttribute(attributeName: $name, attributeValue: $value) { id } }'
    expect(await ask(query, { name: 'email', value: 'BOB@lovelace.test' }, project)).toEqual({
      getUsersByStandardAttribute: [{ id: bob }],
    })
    expect(await ask(query, { name: 'phone_number', value: '+33612345678' }, project)).toEqual({
      getUsersByStandardAttribute: [{ id: bob }],
    })
    expect(await ask(query, { name: 'preferred_username', value: 'x' }, project)).toEqual({
      getUsersByStandardAttribute: [],
    })
    expect((await refused(query, { name: 'name', value: 'x' }, project)).extensions.reason).toBe(
      'GetUsersInvalidArgument',
    )
  })
})

const userFields = `id createdAt updatedAt lastLoginAt standardAttributes customAttributes formattedName endUserAccountID isAnonymous isDisabled
  disableReason temporarilyDisabledFrom temporarilyDisabledUntil accountValidFrom accountValidUntil isDeactivated deleteAt deleteReason
  isAnonymized anonymizeAt loginIDs { id claims } oauthConnections { id } biometricRegistrations { id } passkeys { id }
  identities { totalCount edges { node { id type claims } } } primaryPassword { id type kind isDefault expireAfter claims }
  primaryOOBOTPEmailAuthenticator { id claims } primaryOOBOTPSMSAuthenticator { id } secondaryPassword { id }
  secondaryTOTPAuthenticators { id } secondaryOOBOTPEmailAuthenticators { id } secondaryOOBOTPSMSAuthenticators { id }
  authenticators { totalCount edges { node { id } } } verifiedClaims { name value }
  sessions { totalCount edges { node { id type clientID applicationName displayName amr acr userAgent createdByIP lastAccessedAt lastAccessedByIP
    lastAccessedByIPCountryCode lastAccessedByIPEnglishCountryName } } }
  authorizations { edges { node { id clientID scopes } } }`

describe('a user', () => {
  test('is told with everything that is theirs', async () => {
    const raw = await makeUser({
      email: 'grace@hopper.test',
      username: 'grace',
      attributes: { given_name: 'Grace', family_name: 'Hopper' },
      custom: { '0001': 'ships', gone: 'x' },
    })
    const scope = scopeOf(h.node.world.db, one)
    await inTransaction(scope, async (tx) => {
      const now = h.clock.now()
      await insertAuthenticator(
        tx,
        { userId: raw, type: 'password', kind: 'primary', isDefault: true, secret: '$argon2id$secret-hash' },
        now,
      )
      await insertAuthenticator(
        tx,
        { userId: raw, type: 'oob_otp_email', kind: 'primary', isDefault: false, target: 'grace@hopper.test' },
        now,
      )
      await insertAuthenticator(
        tx,
        { userId: raw, type: 'totp', kind: 'secondary', isDefault: true, secret: 'totp-secret' },
        now,
      )
      await insertVerifiedClaim(tx, raw, { name: 'email', value: 'grace@hopper.test' }, now)
    })
    const authorization = await h.node.world.db.query
      .insertInto('authorization_record')
      .values({
        project_id: one.id,
        id: randomUUID(),
        user_id: raw,
        client_id: 'app',
        scopes: ['openid'],
        created_at: h.clock.now(),
        updated_at: h.clock.now(),
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    const session = await signIn(raw, {
      sso: true,
      deviceInfo: { ios: { uname: { machine: 'iPhone16,1' }, NSBundle: { CFBundleDisplayName: 'Ships' } } },
    })

    const answer = await post({
      query: `query ($id: ID!) { node(id: $id) { ... on User { ${userFields} } } }`,
      variables: { id: nodeId('User', raw) },
    })
    expect(answer.errors).toBeUndefined()
    expect(answer.text).not.toMatch(/argon2id|totp-secret/)
    const user = answer.data.node
    expect(user).toMatchObject({
      id: nodeId('User', raw),
      standardAttributes: {
        email: 'grace@hopper.test',
        email_verified: true,
        given_name: 'Grace',
        updated_at: expect.any(Number),
      },
      customAttributes: { hobby: 'ships' },
      formattedName: 'Grace Hopper',
      endUserAccountID: 'grace@hopper.test',
      isAnonymous: false,
      isDisabled: false,
      isAnonymized: false,
      deleteAt: null,
      primaryPassword: { type: 'PASSWORD', kind: 'PRIMARY', isDefault: true, expireAfter: null, claims: {} },
      primaryOOBOTPEmailAuthenticator: { claims: { 'https://authgear.com/claims/oob_otp/email': 'grace@hopper.test' } },
      primaryOOBOTPSMSAuthenticator: null,
      verifiedClaims: [{ name: 'email', value: 'grace@hopper.test' }],
      authorizations: {
        edges: [{ node: { id: nodeId('Authorization', authorization.id), clientID: 'app', scopes: ['openid'] } }],
      },
    })
    expect(user.lastLoginAt).toMatch(/^\d{4}-\d\d-\d\dT/)
    expect(user.loginIDs.map((identity: Json) => identity.claims)).toContainEqual({
      email: 'grace@hopper.test',
      'https://authgear.com/claims/login_id/type': 'email',
      'https://authgear.com/claims/login_id/key': 'email',
      'https://authgear.com/claims/login_id/value': 'grace@hopper.test',
      'https://authgear.com/claims/login_id/original_value': 'GRACE@HOPPER.TEST',
    })
    expect(user.identities.totalCount).toBe(2)
    expect(user.authenticators.totalCount).toBe(3)
    expect(user.secondaryTOTPAuthenticators).toHaveLength(1)
    expect(user.sessions.totalCount).toBe(2)
    expect(user.sessions.edges.map((edge: Json) => edge.node)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          id: session.idp,
          type: 'IDP',
          clientID: null,
          displayName: 'Chrome on macOS',
          userAgent: agent,
          amr: ['pwd'],
          createdByIP: '192.0.2.7',
        }),
        expect.objectContaining({
          id: session.grant,
          type: 'OFFLINE_GRANT',
          clientID: 'app',
          displayName: 'iPhone 15 Pro',
          applicationName: 'Ships',
        }),
      ]),
    )
    const ids = [
      ...user.loginIDs.map((one: Json) => one.id),
      user.primaryPassword.id,
      session.idp,
      session.grant,
      nodeId('Authorization', authorization.id),
      'nonsense',
      nodeId('User', randomUUID()),
    ]
    const { nodes } = await ask('query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }', { ids })
    expect(nodes.map((node: Json) => node?.__typename)).toEqual([
      'Identity',
      'Identity',
      'Authenticator',
      'Session',
      'Session',
      'Authorization',
      undefined,
      undefined,
    ])
  })

  test('shows part of a list by type, by page, and of claims by name', async () => {
    const raw = await makeUser({ email: 'kay@mc.test', username: 'kay' })
    const { node } = await ask(
      `query ($id: ID!) { node(id: $id) { ... on User {
        all: identities(first: 1) { edges { cursor node { claims(names: ["preferred_username", "email", "x"]) } } pageInfo { hasNextPage } }
        oauth: identities(identityType: OAUTH) { totalCount } authenticators(authenticatorKind: SECONDARY) { totalCount } } } }`,
      { id: nodeId('User', raw) },
    )
    expect(node.all.pageInfo.hasNextPage).toBe(true)
    expect([{ email: 'kay@mc.test' }, { preferred_username: 'kay' }]).toContainEqual(node.all.edges[0].node.claims)
    expect(node).toMatchObject({ oauth: { totalCount: 0 }, authenticators: { totalCount: 0 } })
  })

  test('shows only sessions that are alive', async () => {
    const raw = await makeUser()
    const session = await signIn(raw, { sso: true })
    const query =
      'query ($id: ID!, $session: ID!) { node(id: $id) { ... on User { sessions { totalCount } } } session: node(id: $session) { id } }'
    const variables = { id: nodeId('User', raw), session: session.grant }
    expect(await ask(query, variables)).toEqual({
      node: { sessions: { totalCount: 2 } },
      session: { id: session.grant },
    })
    // The browser session went idle long ago; the grant leans on it.
    await sql`update idp_session set last_access_at = created_at - interval '400 days', created_at = created_at - interval '400 days'
      where project_id = ${one.id} and user_id = ${raw}`.execute(h.node.world.db.query)
    expect(await ask(query, variables)).toEqual({ node: { sessions: { totalCount: 0 } }, session: null })
  })

  test('costs as many statements as a hundred', async () => {
    const project = await h.project(config)
    const statements = (first: number) =>
      statementsOf(h, async () => {
        const { users } = await ask(
          `query ($first: Int) { users(first: $first) { totalCount pageInfo { hasNextPage hasPreviousPage } edges { node { ${userFields} } } } }`,
          { first },
          project,
        )
        expect(users.edges).toHaveLength(first)
      })
    for (let index = 0; index < 40; index++) {
      const raw = await makeUser({ email: `u${index}@many.test`, username: `u${index}` }, project)
      if (index % 4 === 0) await signIn(raw, { project })
    }
    await statements(1) // Afterwards the node knows project and key.
    const few = await statements(1)
    expect(await statements(40)).toBe(few)
    // Begin, the page, its count, identities, authenticators, claims, sessions, authorizations, commit.
    expect(few).toBeLessThanOrEqual(9)
  }, 60_000)
})

// ---- what changes -------------------------------------------------------------------------------------------------

const setDisabled = `mutation ($id: ID!, $is: Boolean!, $reason: String, $from: DateTime, $until: DateTime) {
  setDisabledStatus(input: { userID: $id, isDisabled: $is, reason: $reason, temporarilyDisabledFrom: $from, temporarilyDisabledUntil: $until }) {
    user { id isDisabled disableReason temporarilyDisabledFrom temporarilyDisabledUntil sessions { totalCount } } } }`

describe('disabling', () => {
  test('ends every session at once, for cookie, bearer and refresh token', async () => {
    const raw = await makeUser()
    const session = await signIn(raw)
    expect([await session.resolve('cookie'), await session.resolve('bearer')]).toEqual(['true', 'true'])
    const { setDisabledStatus } = await ask(setDisabled, { id: nodeId('User', raw), is: true, reason: 'fraud' })
    expect([await session.resolve('cookie'), await session.resolve('bearer')]).toEqual(['false', 'false'])
    await expect(session.refresh()).rejects.toMatchObject({ oauth: 'invalid_grant' })
    expect(setDisabledStatus.user).toMatchObject({
      isDisabled: true,
      disableReason: 'fraud',
      sessions: { totalCount: 0 },
    })
    const events = (await eventsOf(raw)).slice(-3)
    expect(events.map((event) => event.kind)).toEqual([
      'user.disabled',
      'user.session.terminated',
      'admin_api.mutation.set_disabled_status.executed',
    ])
    expect(events[0]?.payload).toEqual({ user_id: raw, reason: 'fraud' })
    expect(events[1]?.payload).toMatchObject({
      termination_type: 'all',
      idp_sessions: [expect.any(String)],
      grants: [expect.objectContaining({ client_id: 'app' })],
    })

    const enabled = await ask(setDisabled, { id: nodeId('User', raw), is: false })
    expect(enabled.setDisabledStatus.user).toMatchObject({ isDisabled: false, disableReason: null })
    expect((await kindsOf(raw)).slice(-2)).toEqual([
      'user.reenabled',
      'admin_api.mutation.set_disabled_status.executed',
    ])
    expect([await session.resolve('cookie'), await session.resolve('bearer')]).toEqual(['false', 'false'])
  })

  test('twice is once', async () => {
    const raw = await makeUser()
    for (let time = 0; time < 2; time++) await ask(setDisabled, { id: nodeId('User', raw), is: true, reason: 'x' })
    await ask(setDisabled, { id: nodeId('User', raw), is: false })
    await ask(setDisabled, { id: nodeId('User', raw), is: false })
    const kinds = await kindsOf(raw)
    expect(kinds.filter((kind) => kind === 'user.disabled')).toHaveLength(1)
    expect(kinds.filter((kind) => kind === 'user.reenabled')).toHaveLength(1)
  })

  test('for a time bars within it, and ends sessions when it is now', async () => {
    const day = (number: number) => new Date(h.clock.now().getTime() + number * 86_400_000).toISOString()
    const raw = await makeUser()
    const id = nodeId('User', raw)
    const session = await signIn(raw)
    const later = await ask(setDisabled, { id, is: true, reason: 'leave', from: day(1), until: day(2) })
    expect(later.setDisabledStatus.user).toMatchObject({
      isDisabled: false,
      disableReason: 'leave',
      sessions: { totalCount: 2 },
    })
    expect(await session.resolve('cookie')).toBe('true')
    const now = await ask(setDisabled, { id, is: true, reason: 'leave', from: day(-1), until: day(2) })
    expect(now.setDisabledStatus.user).toMatchObject({ isDisabled: true, sessions: { totalCount: 0 } })
    expect(await session.resolve('cookie')).toBe('false')
    expect((await eventsOf(raw)).find((event) => event.kind === 'user.disabled')?.payload).toMatchObject({
      temporarily_disabled_from: expect.stringMatching(/Z$/),
    })
  })

  test('keeps the dates of an account in order', async () => {
    const raw = await makeUser()
    const id = nodeId('User', raw)
    const kind = async (variables: object) => {
      const { extensions, data } = await refused(setDisabled, { id, is: true, ...variables })
      expect(data).toBeNull()
      expect(extensions).toMatchObject({ errorName: 'Invalid', reason: 'InvalidAccountStatusTransition' })
      return extensions.info.cause.kind
    }
    expect(await kind({ from: '2031-01-01T00:00:00Z' })).toMatch(/SetTogether/)
    expect(await kind({ from: '2031-01-02T00:00:00Z', until: '2031-01-01T00:00:00Z' })).toBe(
      'TemporarilyDisabledFromShouldBeBeforeTemporarilyDisabledUntil',
    )
    const valid =
      'mutation ($id: ID!, $from: DateTime, $until: DateTime) { setAccountValidPeriod(input: { userID: $id, accountValidFrom: $from, accountValidUntil: $until }) { user { accountValidFrom accountValidUntil isDisabled } } }'
    await ask(valid, { id, from: '2020-01-01T00:00:00Z', until: '2031-01-01T08:00:00+08:00' })
    expect(await kind({ from: '2030-12-31T00:00:00Z', until: '2031-01-01T00:00:00Z' })).toBe(
      'TemporarilyDisabledUntilShouldBeBeforeAccountValidUntil',
    )
    const { extensions } = await refused(valid, { id, from: '2031-01-01T00:00:00Z', until: '2030-01-01T00:00:00Z' })
    expect(extensions.info.cause.kind).toBe('AccountValidFromShouldBeBeforeAccountValidUntil')
  })

  test('of a user who is anonymized, gone or none is refused', async () => {
    const raw = await makeUser()
    await sql`update end_user set anonymized_at = ${h.clock.now()} where project_id = ${one.id} and id = ${raw}`.execute(
      h.node.world.db.query,
    )
    expect((await refused(setDisabled, { id: nodeId('User', raw), is: true })).extensions).toMatchObject({
      errorName: 'Invalid',
      reason: 'UserIsAnonymized',
    })
    expect((await refused(setDisabled, { id: nodeId('User', randomUUID()), is: true })).extensions).toMatchObject({
      errorName: 'NotFound',
      reason: 'UserNotFound',
    })
    for (const id of ['', 'x', nodeId('Identity', randomUUID())])
      expect((await refused(setDisabled, { id, is: true })).extensions).toMatchObject({
        errorName: 'Invalid',
        reason: 'Invalid',
      })
  })

  test('and a session that begins beside it leave no session behind', async () => {
    for (let round = 0; round < 5; round++) {
      const raw = await makeUser()
      const [session] = await Promise.allSettled([signIn(raw), ask(setDisabled, { id: nodeId('User', raw), is: true })])
      if (session.status === 'fulfilled')
        expect([await session.value.resolve('cookie'), await session.value.resolve('bearer')]).toEqual([
          'false',
          'false',
        ])
      const open =
        await sql`select 1 from idp_session where project_id = ${one.id} and user_id = ${raw} and ended_at is null`.execute(
          h.node.world.db.query,
        )
      expect(open.rows).toEqual([])
    }
  })
})

describe('the valid period', () => {
  test('ends sessions when the account is outside it', async () => {
    const raw = await makeUser()
    const id = nodeId('User', raw)
    const session = await signIn(raw)
    expect(await session.resolve('bearer')).toBe('true')
    const until =
      'mutation ($id: ID!, $until: DateTime) { setAccountValidUntil(input: { userID: $id, accountValidUntil: $until }) { user { isDisabled accountValidUntil } } }'
    expect((await ask(until, { id, until: '2020-01-01T00:00:00Z' })).setAccountValidUntil.user).toEqual({
      isDisabled: true,
      accountValidUntil: '2020-01-01T00:00:00.000Z',
    })
    expect(await session.resolve('bearer')).toBe('false')
    expect((await ask(until, { id, until: null })).setAccountValidUntil.user).toEqual({
      isDisabled: false,
      accountValidUntil: null,
    })
    const from =
      'mutation ($id: ID!) { setAccountValidFrom(input: { userID: $id, accountValidFrom: "2020-01-01T00:00:00Z" }) { user { isDisabled accountValidFrom } } }'
    expect((await ask(from, { id })).setAccountValidFrom.user).toMatchObject({ isDisabled: false })
  })
})

describe('deleting', () => {
  test('removes everything, and says first that sessions ended', async () => {
    const raw = await makeUser({ email: 'leaving@example.test' })
    const session = await signIn(raw)
    expect(await session.resolve('bearer')).toBe('true')
    const id = nodeId('User', raw)
    expect(
      await ask(
        'mutation ($id: ID!) { deleteUser(input: { userID: $id, reason: "asked for it" }) { deletedUserID } }',
        { id },
      ),
    ).toEqual({ deleteUser: { deletedUserID: id } })
    expect([await session.resolve('cookie'), await session.resolve('bearer')]).toEqual(['false', 'false'])
    await expect(session.refresh()).rejects.toMatchObject({ oauth: 'invalid_grant' })
    expect(
      await ask('query ($id: ID!, $session: ID!) { node(id: $id) { id } session: node(id: $session) { id } }', {
        id,
        session: session.idp,
      }),
    ).toEqual({ node: null, session: null })
    expect((await kindsOf(raw)).slice(-3)).toEqual([
      'user.session.terminated',
      'user.deleted',
      'admin_api.mutation.delete_user.executed',
    ])
    const { query } = h.node.world.db
    for (const table of [
      'identity',
      'authenticator',
      'verified_claim',
      'idp_session',
      'offline_grant',
      'authorization_record',
    ])
      expect(
        (await sql`select 1 from ${sql.table(table)} where project_id = ${one.id} and user_id = ${raw}`.execute(query))
          .rows,
        table,
      ).toEqual([])
    expect(await makeUser({ email: 'leaving@example.test' })).not.toBe(raw)
  })
})

describe('ending sessions', () => {
  const revoke =
    'mutation ($id: ID!) { revokeSession(input: { sessionID: $id }) { user { id sessions { edges { node { id } } } } } }'

  test('one by one: a browser session takes its grants along, a lone grant nobody', async () => {
    const raw = await makeUser()
    const [first, second] = [await signIn(raw), await signIn(raw)]
    expect(await first.resolve('bearer')).toBe('true')
    const { revokeSession } = await ask(revoke, { id: first.grant })
    expect(revokeSession.user.id).toBe(nodeId('User', raw))
    expect(revokeSession.user.sessions.edges.map((edge: Json) => edge.node.id).sort()).toEqual(
      [first.idp, second.idp, second.grant].sort(),
    )
    expect([await first.resolve('bearer'), await first.resolve('cookie')]).toEqual(['false', 'true'])
    await ask(revoke, { id: second.idp })
    expect([await second.resolve('bearer'), await second.resolve('cookie')]).toEqual(['false', 'false'])
    await expect(second.refresh()).rejects.toMatchObject({ oauth: 'invalid_grant' })
    expect((await eventsOf(raw)).findLast((event) => event.kind === 'user.session.terminated')?.payload).toMatchObject({
      termination_type: 'individual',
    })
    // Ending what has ended is no error, and no news.
    const before = (await kindsOf(raw)).filter((kind) => kind === 'user.session.terminated').length
    await ask(revoke, { id: second.idp })
    expect((await kindsOf(raw)).filter((kind) => kind === 'user.session.terminated')).toHaveLength(before)
  })

  test('of a single sign-on group ends the group', async () => {
    const session = await signIn(await makeUser(), { sso: true })
    await ask(revoke, { id: session.grant })
    expect([await session.resolve('bearer'), await session.resolve('cookie')]).toEqual(['false', 'false'])
  })

  test('all at once', async () => {
    const raw = await makeUser()
    const sessions = [await signIn(raw), await signIn(raw)]
    const stranger = await signIn(await makeUser())
    const { revokeAllSessions } = await ask(
      'mutation ($id: ID!) { revokeAllSessions(input: { userID: $id }) { user { sessions { totalCount } } } }',
      { id: nodeId('User', raw) },
    )
    expect(revokeAllSessions.user.sessions.totalCount).toBe(0)
    for (const session of sessions)
      expect([await session.resolve('bearer'), await session.resolve('cookie')]).toEqual(['false', 'false'])
    expect(await stranger.resolve('cookie')).toBe('true')
  })

  test('that never were is refused', async () => {
    const id = nodeId('Session', Buffer.alloc(16).toString('base64url'))
    expect((await refused(revoke, { id })).extensions).toMatchObject({
      errorName: 'NotFound',
      reason: 'SessionNotFound',
    })
  })

  test('by withdrawing what a client was allowed', async () => {
    const raw = await makeUser()
    const authorizationId = randomUUID()
    await h.node.world.db.query
      .insertInto('authorization_record')
      .values({
        project_id: one.id,
        id: authorizationId,
        user_id: raw,
        client_id: 'app',
        scopes: ['openid'],
        created_at: h.clock.now(),
        updated_at: h.clock.now(),
      })
      .execute()
    const [theirs, mine] = [await signIn(raw, { authorizationId, sso: true }), await signIn(raw)]
    const withdraw =
      'mutation ($id: ID!) { deleteAuthorization(input: { authorizationID: $id }) { user { authorizations { totalCount } } } }'
    const id = nodeId('Authorization', authorizationId)
    expect(await ask(withdraw, { id })).toEqual({
      deleteAuthorization: { user: { authorizations: { totalCount: 0 } } },
    })
    expect([await theirs.resolve('bearer'), await theirs.resolve('cookie')]).toEqual(['false', 'true'])
    expect(await mine.resolve('bearer')).toBe('true')
    expect((await kindsOf(raw)).slice(-3, -1)).toEqual(['user.session.terminated', 'authorization.removed'])
    expect((await refused(withdraw, { id })).extensions).toMatchObject({ errorName: 'NotFound' })
  })
})

describe('an account by hand', () => {
  const create = `mutation ($key: String!, $value: String!, $password: String) {
    createUser(input: { definition: { loginID: { key: $key, value: $value } }, password: $password }) {
      user { id standardAttributes loginIDs { claims } primaryPassword { id } } } }`

  test('is made with a login ID and a password that the policy likes', async () => {
    const { createUser } = await ask(create, {
      key: 'email',
      value: ' Made@Example.TEST ',
      password: 'correct horse battery',
    })
    expect(createUser.user).toMatchObject({
      standardAttributes: { email: 'Made@Example.TEST'.toLowerCase() },
      primaryPassword: { id: expect.any(String) },
    })
    const raw = Buffer.from(createUser.user.id, 'base64url').toString().slice(5)
    expect(await kindsOf(raw)).toEqual(['user.created', 'admin_api.mutation.create_user.executed'])
    const [, ...again] = [await ask(create, { key: 'username', value: 'admin' })] // Reserved names are no matter to administrators.
    expect(again).toEqual([])
    const cause = async (variables: object) => (await refused(create, { ...variables })).extensions
    expect(await cause({ key: 'email', value: 'made@example.test' })).toMatchObject({
      errorName: 'Invalid',
      reason: 'InvariantViolated',
      info: { cause: { kind: 'DuplicatedIdentity' } },
    })
    expect(await cause({ key: 'fax', value: '1' })).toMatchObject({ info: { cause: { kind: 'InvalidLoginIDKey' } } })
    expect(await cause({ key: 'email', value: 'nobody' })).toMatchObject({ reason: 'ValidationFailed' })
    expect(await cause({ key: 'email', value: 'short@example.test', password: 'x' })).toMatchObject({
      reason: 'PasswordPolicyViolated',
    })
    expect(await ask('{ getUserByLoginID(loginIDKey: "email", loginIDValue: "short@example.test") { id } }')).toEqual({
      getUserByLoginID: null,
    })
  })

  test('gets another password, which ends its sessions', async () => {
    const raw = await makeUser({ username: 'forgetful' })
    const session = await signIn(raw)
    const reset =
      'mutation ($id: ID!, $password: String) { resetPassword(input: { userID: $id, password: $password }) { user { primaryPassword { id updatedAt } sessions { totalCount } } } }'
    const id = nodeId('User', raw)
    expect((await refused(reset, { id, password: '' })).extensions.reason).toBe('Invalid')
    expect((await refused(reset, { id, password: 'x' })).extensions.reason).toBe('PasswordPolicyViolated')
    expect(await session.resolve('cookie')).toBe('true')
    const first = await ask(reset, { id, password: 'correct horse battery' })
    expect(first.resetPassword.user).toMatchObject({
      primaryPassword: { id: expect.any(String) },
      sessions: { totalCount: 0 },
    })
    expect(await session.resolve('cookie')).toBe('false')
    const second = await ask(reset, { id, password: 'staple of another kind' })
    expect(second.resetPassword.user.primaryPassword.id).toBe(first.resetPassword.user.primaryPassword.id)
    const { rows } = await sql<{
      secret: string
    }>`select secret from authenticator where project_id = ${one.id} and user_id = ${raw}`.execute(
      h.node.world.db.query,
    )
    expect(rows.map((row) => row.secret.slice(0, 10))).toEqual(['$argon2id$'])
  })

  test('gets other attributes, a whole set at a time', async () => {
    const raw = await makeUser({
      email: 'profile@example.test',
      attributes: { name: 'Old', nickname: 'O' },
      custom: { '0001': 'old' },
    })
    const id = nodeId('User', raw)
    const update = `mutation ($id: ID!, $standard: UserStandardAttributes, $custom: UserCustomAttributes) {
      updateUser(input: { userID: $id, standardAttributes: $standard, customAttributes: $custom }) { user { standardAttributes customAttributes } } }`
    const { updateUser } = await ask(update, {
      id,
      standard: { email: 'profile@example.test', email_verified: true, name: 'New', updated_at: 1 },
    })
    const { updated_at, ...standard } = updateUser.user.standardAttributes
    expect(standard).toEqual({ email: 'profile@example.test', email_verified: false, name: 'New' })
    expect(updated_at).toBeGreaterThan(1)
    expect(updateUser.user.customAttributes).toEqual({ hobby: 'old' })
    expect((await ask(update, { id, custom: {} })).updateUser.user).toMatchObject({
      standardAttributes: { name: 'New' },
      customAttributes: {},
    })
    expect((await ask(update, { id, custom: { hobby: 'new' } })).updateUser.user.customAttributes).toEqual({
      hobby: 'new',
    })
    for (const standard of [{ email: 'stranger@example.test' }, { birthdate: 'yesterday' }, { unknown: 'x' }])
      expect((await refused(update, { id, standard })).extensions.reason).toBe('ValidationFailed')
    expect(await kindsOf(raw)).toContain('user.profile.updated')
  })
})

describe('a request that fails', () => {
  test('undoes everything before the failure, and tells nobody of it', async () => {
    const [kept, raw] = [await makeUser(), await makeUser()]
    const session = await signIn(raw)
    const before = [await eventsOf(kept), await eventsOf(raw)]
    const answer = await post({
      query: `mutation ($a: ID!, $b: ID!, $none: ID!) {
        a: setDisabledStatus(input: { userID: $a, isDisabled: true }) { user { isDisabled } }
        b: deleteUser(input: { userID: $b }) { deletedUserID }
        c: deleteUser(input: { userID: $none }) { deletedUserID }
        d: setDisabledStatus(input: { userID: $a, isDisabled: true, reason: "after" }) { user { isDisabled } } }`,
      variables: { a: nodeId('User', kept), b: nodeId('User', raw), none: nodeId('User', randomUUID()) },
    })
    expect(answer.status).toBe(200)
    expect(answer.data).toBeNull()
    expect(answer.errors).toHaveLength(1)
    expect(answer.errors?.[0]).toMatchObject({ path: ['c'], extensions: { reason: 'UserNotFound' } })
    expect([await eventsOf(kept), await eventsOf(raw)]).toEqual(before)
    expect([await session.resolve('cookie'), await session.resolve('bearer')]).toEqual(['true', 'true'])
    expect(
      await ask('query ($id: ID!) { node(id: $id) { ... on User { isDisabled } } }', { id: nodeId('User', kept) }),
    ).toEqual({ node: { isDisabled: false } })
  })

  test('while its answer is read undoes it too', async () => {
    const raw = await makeUser()
    const id = nodeId('User', raw)
    const answer = await post({
      query:
        'mutation ($id: ID!) { setDisabledStatus(input: { userID: $id, isDisabled: true }) { user { identities(after: "x") { totalCount } } } }',
      variables: { id },
    })
    expect(answer).toMatchObject({ data: null, errors: [{ extensions: { reason: 'InvalidCursor' } }] })
    expect(await kindsOf(raw)).toEqual([])
  })

  test('but queries give what they can', async () => {
    const answer = await post({ query: '{ __typename users(after: "x") { totalCount } }' })
    expect(answer).toMatchObject({
      status: 200,
      data: { __typename: 'Query', users: null },
      errors: [{ path: ['users'] }],
    })
  })
})

test('several changes of one request see each other', async () => {
  const raw = await makeUser()
  const id = nodeId('User', raw)
  const answer = await ask(
    `mutation ($id: ID!) {
      off: setDisabledStatus(input: { userID: $id, isDisabled: true, reason: "a" }) { user { isDisabled disableReason } }
      on: setDisabledStatus(input: { userID: $id, isDisabled: false }) { user { isDisabled disableReason } } }`,
    { id },
  )
  expect(answer).toEqual({
    off: { user: { isDisabled: true, disableReason: 'a' } },
    on: { user: { isDisabled: false, disableReason: null } },
  })
})

test('who acts and why is written beside what they did', async () => {
  const raw = await makeUser()
  const now = Math.floor(h.clock.now().getTime() / 1000)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${part({ alg: 'RS256', kid: one.admin_key.kid })}.${part({ aud: one.id, iat: now, exp: now + 60, audit_context: { usage: 'internal', actor_user_id: 'me' } })}`
  const token = `${input}.${sign('sha256', Buffer.from(input), { key: one.admin_key as never, format: 'jwk' }).toString('base64url')}`
  await post(
    {
      query: 'mutation ($id: ID!) { revokeAllSessions(input: { userID: $id }) { user { id } } }',
      variables: { id: nodeId('User', raw) },
    },
    { token },
  )
  expect((await eventsOf(raw)).at(-1)).toEqual({
    kind: 'admin_api.mutation.revoke_all_sessions.executed',
    payload: { user_id: raw, audit_context: { usage: 'internal', actor_user_id: 'me' } },
  })
})

test('no token and no hash reaches the log', () => {
  const log = lines.join('')
  expect(log).not.toMatch(/eyJhbGciOi/)
  expect(log).not.toMatch(/argon2id/)
})
