// The revocation feed, followed as a backend would that verifies JWTs by itself.
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FeedPage, readFeed, readPosition, writePosition } from '../src/events/feed.ts'
import { append } from '../src/events/log.ts'
import { inTransaction } from '../src/storage/database.ts'
import type { Headgear } from '../src/testing.ts'
import { type App, getTokens, newUser, openSite, query, refresh, type Site } from './support/oauth_client.ts'
import { createDatabase } from './support/postgres.ts'
import { headgear, onPostgres } from './support/store.ts'

const spa = { x_application_type: 'spa', redirect_uris: ['https://app.test/'] }
const jwtClient = { ...spa, client_id: 'jwt', name: 'JWT', issue_jwt_access_token: true }
const passing = { ...spa, client_id: 'passing', name: 'Passing', issue_jwt_access_token: true }
const opaque = { ...spa, client_id: 'opaque', name: 'Opaque' }
const app = (client_id: string): App => ({
  client_id,
  redirect_uri: 'https://app.test/',
  scope: 'openid offline_access',
  params: { x_sso_enabled: 'false' },
})

const database = onPostgres ? await createDatabase() : undefined
let server: Headgear
let site: Site
beforeAll(async () => {
  server = await headgear(database ? { databaseUrl: database.url } : {})
  site = await openSite(server, { oauth: { clients: [jwtClient, passing, opaque] } })
})
afterAll(async () => {
  await server.stop()
  await database?.drop()
})

const ask = (params: Record<string, string | undefined> = {}, at = site) =>
  fetch(`${at.origin}/oauth2/revocations?${query(params)}`)

type Page = FeedPage & { iss: string; iat: number; after: string | null }

async function follow(params: Record<string, string | undefined> = {}, at = site): Promise<Page> {
  const response = await ask(params, at)
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/jwt'])
  const keys = createRemoteJWKSet(new URL(`${at.origin}/oauth2/jwks`))
  const { payload } = await jwtVerify(await response.text(), keys, {
    issuer: at.origin,
    typ: 'revocations+jwt',
    currentDate: server.clock.now(),
  })
  return payload as unknown as Page
}

/** Where the feed stands now. */
async function head(): Promise<string> {
  let page = await follow()
  while (page.more) page = await follow({ after: page.next })
  return page.next
}

const revoke = (token: string, client_id: string) =>
  fetch(`${site.origin}/oauth2/revoke`, { method: 'POST', body: new URLSearchParams({ token, client_id }) })

describe('what is in the feed', () => {
  test('nothing at first, signed by the project, with the question echoed', async () => {
    const fresh = await openSite(server, {})
    const page = await follow({}, fresh)
    expect(page).toMatchObject({ after: null, more: false, entries: [] })
    expect(await follow({ after: page.next }, fresh)).toMatchObject({ after: page.next, entries: [] })
  })

  test('a signed-out session by the `sid` of its JWTs, until the last of them expires', async () => {
    const { body } = await getTokens(site, app('jwt'))
    const { sid, exp } = decodeJwt(body.access_token)
    const after = await head()
    await revoke(body.refresh_token, 'jwt')
    expect((await follow({ after })).entries).toEqual([{ sid, exp }])
    expect((await follow()).entries).toContainEqual({ sid, exp })
  })

  test('until the last JWT expires, also when that was issued to a repeated refresh', async () => {
    const { body } = await getTokens(site, app('jwt'))
    await refresh(site, app('jwt'), body.refresh_token)
    await server.clock.advance(3_600_000)
    // The successor was never seen: the same token again, however late, and a new access token with it.
    const late = await refresh(site, app('jwt'), body.refresh_token)
    const { sid, exp } = decodeJwt(String(late.body.access_token))
    const after = await head()
    await revoke(body.refresh_token, 'jwt')
    expect((await follow({ after })).entries).toEqual([{ sid, exp }])
  })

  test('one revoked JWT by its `jti`', async () => {
    const { body } = await getTokens(site, app('jwt'))
    const { jti, exp } = decodeJwt(body.access_token)
    const after = await head()
    await revoke(body.access_token, 'jwt')
    expect((await follow({ after })).entries).toEqual([{ jti, exp }])
  })

  test('nothing of clients whose tokens say nothing by themselves', async () => {
    const { body } = await getTokens(site, app('opaque'))
    const after = await head()
    await revoke(body.access_token, 'opaque')
    await revoke(body.refresh_token, 'opaque')
    expect((await follow({ after })).entries).toEqual([])
  })

  test('every session of a disabled user, and nobody’s `sub`', async () => {
    const [one, two] = [await getTokens(site, app('jwt')), await getTokens(site, app('jwt'))]
    const who = decodeJwt(one.body.access_token)
    const after = await head()
    const disable = `mutation ($id: ID!) { setDisabledStatus(input: { userID: $id, isDisabled: true }) { user { id } } }`
    await server.admin(disable, { id: Buffer.from(`User:${who.sub}`).toString('base64url') }, site.made)
    const { entries } = await follow({ after })
    expect(entries).toEqual([{ sid: who.sid, exp: who.exp }])
    expect(entries).not.toContainEqual(expect.objectContaining({ sid: decodeJwt(two.body.access_token).sid }))
    expect(JSON.stringify(await follow())).not.toContain(who.sub)
  })

  test('a client that was removed, for what it was issued until then', async () => {
    await getTokens(site, app('passing'))
    const after = await head()
    const now = Math.floor(server.clock.now().getTime() / 1000)
    const { id, origin } = site.made
    await server.project({ id, http: { public_origin: origin }, oauth: { clients: [jwtClient, opaque] } })
    const { entries } = await follow({ after })
    expect(entries).toEqual([{ client_id: 'passing', before: expect.any(Number), exp: expect.any(Number) }])
    const [entry] = entries as { before: number; exp: number }[]
    expect(entry?.before).toBeGreaterThanOrEqual(now)
    expect(entry?.exp).toBe((entry?.before ?? 0) + 1800)
  })

  test('nothing whose JWTs have all expired', async () => {
    const { body } = await getTokens(site, app('jwt'))
    const { sid } = decodeJwt(body.access_token)
    await revoke(body.refresh_token, 'jwt')
    await server.clock.advance(1_900_000)
    expect((await follow()).entries).not.toContainEqual(expect.objectContaining({ sid }))
  })
})

describe('following', () => {
  test('a request that waits is answered by what happens meanwhile', async () => {
    const { body } = await getTokens(site, app('jwt'))
    const { sid, exp } = decodeJwt(body.access_token)
    let after = await head()
    const waiting = follow({ after, wait: '500' })
    await revoke(body.refresh_token, 'jwt')
    const heard = [...(await waiting).entries]
    // On a machine that was too slow for that, the next request has it.
    after = (await waiting).next
    heard.push(...(await follow({ after })).entries)
    expect(heard).toEqual([{ sid, exp }])
  })

  test('refuses to wait longer than half a second', async () => {
    for (const wait of ['501', '-1', '1e3', 'long']) expect((await ask({ wait })).status).toBe(400)
  })

  test('a cursor that is not known, too old, or of another history is 410', async () => {
    const good = readPosition(await head())
    if (good === undefined) throw new Error('unreadable')
    const bad = [
      'garbage',
      '%00',
      Buffer.from('[]').toString('base64url'),
      Buffer.from('{"a":1}').toString('base64url'),
      writePosition({ ...good, system: '1' }),
      writePosition({ ...good, at: good.at - 7 * 86_400 }),
      writePosition({ ...good, base: '1:18446744073709551615:' }),
      writePosition({ ...good, base: "1:1:'" }),
      writePosition({ ...good, base: `1:${'9'.repeat(20)}:` }),
      'x'.repeat(9000),
    ]
    for (const after of bad)
      expect([after.slice(0, 60), (await ask({ after })).status]).toEqual([after.slice(0, 60), 410])
  })

  test('pages through many, each once, and what commits late between two pages is not lost', async () => {
    const crowd = await openSite(server, { oauth: { clients: [jwtClient] } })
    const { db, clock } = server.node.world
    const scope = { projectId: crowd.made.id, query: db.query }
    const exp = Math.floor(clock.now().getTime() / 1000) + 1000
    const userId = await newUser(crowd)
    const ending = () => ({
      user_id: userId,
      reason: 'test',
      idp_sessions: [],
      grants: [
        {
          id: Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url'),
          client_id: 'jwt',
          origin: crowd.origin,
          exp,
        },
      ],
    })
    // Begun before all others, so that its id is the lowest, and committed when the first page has been read.
    const late = database && (await lateEvent(database.url, crowd.made.id, ending()))
    await inTransaction(scope, async (tx) => {
      for (let i = 0; i < 450; i++) await append(tx, clock.now(), 'user.signed_out', ending())
    })
    const sids: string[] = []
    let after: string | undefined
    for (let pages = 0; ; pages++) {
      const page = await follow({ after }, crowd)
      sids.push(...page.entries.map((entry) => ('sid' in entry ? entry.sid : '')))
      if (pages === 0) await late?.commit()
      after = page.next
      if (!page.more && pages > 3) break
    }
    expect(sids.length).toBe(450 + (late === undefined ? 0 : 1))
    expect(new Set(sids).size).toBe(sids.length)
  })
})

async function lateEvent(url: string, projectId: string, payload: object) {
  const client = new pg.Client(url)
  await client.connect()
  await client.query('begin')
  await client.query(
    `insert into event (project_id, id, at, kind, payload) values ($1, '00000000-0000-7000-8000-000000000001', now(), 'user.signed_out', $2)`,
    [projectId, JSON.stringify(payload)],
  )
  return {
    async commit() {
      await client.query('commit')
      await client.end()
    },
  }
}

test('a cursor that anybody may have written is read or refused, never a fault', async () => {
  const scope = { projectId: site.made.id, query: server.node.world.db.query }
  const now = server.clock.now()
  const texts = fc.oneof(
    fc.base64String(),
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
    fc
      .record({
        system: fc.string(),
        at: fc.integer(),
        base: fc.option(fc.stringMatching(/^\d{1,20}:\d{1,20}:(\d{1,20}(,\d{1,20}){0,3})?$/)),
        reading: fc.option(fc.stringMatching(/^\d{1,20}:\d{1,20}:$/)),
        last: fc.uuid(),
      })
      .map((position) => writePosition({ ...position, at: Math.floor(now.getTime() / 1000) })),
  )
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      if (text !== '') await readFeed(scope, text, now)
    }),
    { numRuns: 300, seed: 14 },
  )
})
