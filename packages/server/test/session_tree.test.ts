// The session tree and the refresh token as clients meet them: several at once, replies lost, tokens copied, nodes
// killed. The checks know nothing of generations; they only compare what clients were told.

import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseMasterKeys } from '../src/keys/seal.ts'
import { makeLogger } from '../src/log.ts'
import { makeNode, type Node } from '../src/node.ts'
import type { Project } from '../src/projects/find.ts'
import { scopeOf } from '../src/projects/find.ts'
import { saveProject } from '../src/projects/save.ts'
import { Refusal } from '../src/refusal.ts'
import { mintAccessToken, newGrantSecret, readCredential, refreshToken } from '../src/sessions/credential.ts'
import { endSession } from '../src/sessions/end.ts'
import { refresh } from '../src/sessions/refresh.ts'
import { startBrowserSession } from '../src/sessions/start.ts'
import { insertGrant } from '../src/sessions/store.ts'
import { type Database, inTransaction, openPostgres } from '../src/storage/database.ts'
import { advanceClock, claimInstance } from '../src/storage/instance.ts'
import { systemClock, systemRandom, type World } from '../src/world.ts'
import { openStore } from './support/store.ts'

const config = `id: tree
http: { public_origin: "http://tree.localhost" }
oauth:
  clients:
    - { client_id: app, name: App, x_application_type: spa, redirect_uris: ["http://app.test/"] }
`
const masterKeys = parseMasterKeys(Buffer.alloc(32, 1).toString('base64'))
const nowhere = async () => {
  throw new Error('not in this test')
}

type Store = Awaited<ReturnType<typeof openStore>>
let store: Store
beforeAll(async () => {
  store = await openStore()
  const node = makeNode({ world: worldOver(store.db), masterKeys, trusted: () => false, development: true })
  await claimInstance(store.db.query, node.sealer, true)
  await saveProject(node.world, node.sealer, { id: 'tree', config })
})
afterAll(() => store.drop())

function worldOver(db: Database): World {
  return {
    db,
    clock: systemClock(),
    random: systemRandom,
    mailer: nowhere,
    sms: nowhere,
    fetch: nowhere,
    log: makeLogger({ level: 'fatal', sink: { write: () => {} } }),
  }
}

type Running = { node: Node; project: Project; kill(): Promise<void> }

/** A node of its own: on PostgreSQL with its own connections, on the embedded database sharing the one there is. */
async function startNode(): Promise<Running> {
  const name = `node ${randomUUID()}`
  const db =
    store.url === undefined ? store.db : await openPostgres(store.url, { connections: 4, applicationName: name })
  const node = makeNode({ world: worldOver(db), masterKeys, trusted: () => false, development: true })
  await node.log.poll()
  const project = await node.directory.byId('tree')
  if (project === undefined) throw new Error('no project')
  return {
    node,
    project,
    // As kill -9 looks from the database: nothing is written any more, connections are gone.
    async kill() {
      await node.log.stop()
      if (store.url === undefined) return
      await store.db.run('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [name])
      void db.close()
    },
  }
}

async function newUser(node: Node): Promise<string> {
  const id = uuidv7()
  const now = node.world.clock.now()
  await node.world.db.query
    .insertInto('end_user')
    .values({ project_id: 'tree', id, created_at: now, updated_at: now } as never)
    .execute()
  return id
}

type Family = {
  userId: string
  grantId: Buffer
  idpId: Buffer
  sso: boolean
  /** The text of the token that the honest client holds. */
  held: string
  /** What each presented token was answered with. */
  successors: Map<string, string>
  /** Why it may end: an acknowledged ending, or a copy in the wrong hands. */
  ended: boolean
  copied: boolean
  stolen: string | undefined
  access: string | undefined
}

async function signIn({ node, project }: Running, sso: boolean): Promise<Family> {
  const { world } = node
  const userId = await newUser(node)
  const origin = project.origins[0]
  const caller = { ip: '127.0.0.1', userAgent: 'model' }
  const now = world.clock.now()
  const scope = scopeOf(world.db, project)
  const started = await inTransaction(scope, (tx) =>
    startBrowserSession(tx, world, project, { userId, origin, authTime: now, amr: ['pwd'], caller }),
  )
  const { secret, id } = newGrantSecret(project.id, world.random)
  const user = await insertGrant(
    scope,
    {
      id,
      kind: 'code',
      userId,
      clientId: 'app',
      authorizationId: null,
      idpSessionId: started.id,
      sso,
      origin: origin.origin,
      scopes: ['openid', 'offline_access'],
      authTime: now,
      amr: ['pwd'],
      ip: caller.ip,
      userAgent: caller.userAgent,
      deviceInfo: null,
      hasRefreshToken: true,
      keyId: project.ring.current,
      jwtExpiresAt: now,
      dpopJkt: null,
      keyHolder: null,
      app2appKey: null,
      deviceSecret: null,
      now,
    },
    { id: randomUUID(), payload: '{}' },
  )
  expect(user?.id).toBe(userId)
  const held = refreshToken(
    { secret, generation: 0, keyId: project.ring.current },
    { ring: project.ring, projectId: project.id },
  )
  return {
    userId,
    grantId: id,
    idpId: started.id,
    sso,
    held,
    successors: new Map(),
    ended: false,
    copied: false,
    stolen: undefined,
    access: undefined,
  }
}

type Outcome = { ok: true; token: string; access: string } | { ok: false; final: boolean }

async function refreshAt({ node, project }: Running, token: string): Promise<Outcome> {
  const client = project.clients.get('app')
  if (client === undefined) throw new Error('no client')
  try {
    const result = await refresh(node.world, project, {
      token,
      client,
      jkt: null,
      ip: '127.0.0.1',
      userAgent: 'model',
      deviceInfo: undefined,
      jwtExpiresAt: new Date(node.world.clock.now().getTime() + 1_800_000),
    })
    const access = mintAccessToken(
      {
        id: result.grant.id,
        generation: result.generation,
        expiresAt: new Date(node.world.clock.now().getTime() + 1_800_000),
      },
      { ring: project.ring, projectId: project.id, random: systemRandom },
    ).token
    return { ok: true, token: result.refreshToken ?? token, access }
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, final: error.oauth === 'invalid_grant' }
    return { ok: false, final: false } // The node was killed under the request.
  }
}

type Step =
  | { do: 'refresh' | 'lose' | 'race' | 'copy' | 'thief' | 'use' | 'end'; family: number; node: number; count: number }
  | { do: 'wait'; seconds: number }
  | { do: 'kill'; node: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'refresh',
        'refresh',
        'refresh',
        'lose',
        'lose',
        'race',
        'race',
        'use',
        'use',
        'copy',
        'thief',
        'end',
      ) as fc.Arbitrary<'refresh'>,
      family: fc.nat(3),
      node: fc.nat(1),
      count: fc.integer({ min: 2, max: 5 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(1, 10, 29, 31, 60, 86_400) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), node: fc.nat(1) }) },
)

/** Plays the steps on two nodes; gives what a client could complain of, or undefined. */
async function play(steps: readonly Step[], refreshVia: typeof refreshAt): Promise<string | undefined> {
  const nodes = [await startNode(), await startNode()]
  const at = (index: number): Running => nodes[index % 2] as Running
  const families: Family[] = []
  for (let index = 0; index < 4; index++) families.push(await signIn(at(index), index % 2 === 0))

  /** What every answer must obey, whoever asked. */
  function check(family: Family, presented: string, outcome: Outcome): string | undefined {
    if (!outcome.ok) {
      if (outcome.final && !family.ended && !family.copied) return 'logged out without a cause'
      if (outcome.final) family.ended = true
      return undefined
    }
    if (family.ended) return 'answered after its end'
    const before = family.successors.get(presented)
    if (before !== undefined && before !== outcome.token) return 'two successors of one token'
    family.successors.set(presented, outcome.token)
    return undefined
  }

  try {
    for (const one of steps) {
      if (one.do === 'wait') {
        await advanceClock(store.db.query, one.seconds * 1000)
        for (const running of nodes) await running.node.log.poll()
        continue
      }
      if (one.do === 'kill') {
        const family = families[0] as Family
        const killed = at(one.node)
        const inFlight = refreshVia(killed, family.held)
        await killed.kill()
        const outcome = await inFlight
        const complaint = check(family, family.held, outcome)
        if (complaint !== undefined) return `${complaint} (killed)`
        if (outcome.ok) family.held = outcome.token
        nodes[one.node % 2] = await startNode()
        continue
      }
      const family = families[one.family] as Family
      const running = at(one.node)
      if (one.do === 'refresh' || one.do === 'lose') {
        const presented = family.held
        const outcome = await refreshVia(running, presented)
        const complaint = check(family, presented, outcome)
        if (complaint !== undefined) return complaint
        if (outcome.ok && one.do === 'refresh') {
          family.held = outcome.token
          family.access = outcome.access
        }
      } else if (one.do === 'race') {
        const presented = family.held
        const outcomes = await Promise.all(
          Array.from({ length: one.count }, (_, index) => refreshVia(at(index), presented)),
        )
        for (const outcome of outcomes) {
          const complaint = check(family, presented, outcome)
          if (complaint !== undefined) return `${complaint} (race)`
          if (outcome.ok) family.held = outcome.token
        }
      } else if (one.do === 'copy') {
        family.stolen = family.held
      } else if (one.do === 'thief' && family.stolen !== undefined) {
        family.copied = true
        const outcome = await refreshVia(running, family.stolen)
        const complaint = check(family, family.stolen, outcome)
        if (complaint !== undefined) return `${complaint} (thief)`
        if (outcome.ok) family.stolen = outcome.token
      } else if (one.do === 'use' && family.access !== undefined) {
        const session = await running.node.sessions.resolve(
          running.project,
          { as: 'bearer', text: family.access },
          { ip: '127.0.0.1' },
        )
        if (session !== undefined && family.ended) {
          await running.node.log.poll()
          const again = await running.node.sessions.resolve(
            running.project,
            { as: 'bearer', text: family.access },
            { ip: '127.0.0.1' },
          )
          if (again !== undefined) return 'valid after its end'
        }
        await running.node.sessions.access.flush()
      } else if (one.do === 'end') {
        if (one.count < 5) continue
        await endSession(
          running.node.world,
          running.project,
          { kind: 'offline_grant', id: family.grantId },
          { event: 'user.signed_out', reason: 'model' },
        )
        family.ended = true
        families[one.family] = one.node === 0 ? family : await signIn(running, family.sso)
      }
    }
    // Whoever was acknowledged last goes on.
    for (const family of families) {
      const complaint = check(family, family.held, await refreshVia(at(0), family.held))
      if (complaint !== undefined) return `${complaint} (at the end)`
    }
    return undefined
  } finally {
    for (const running of nodes) await running.kill()
  }
}

const steps = fc.array(step, { minLength: 250, maxLength: 250, size: 'max' })

describe('the session tree under clients that race, lose replies and copy tokens', () => {
  test('one successor a token, no log-out without a cause, no answer after the end (10,000 steps)', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        expect(await play(sequence, refreshAt)).toBeUndefined()
      }),
      { numRuns: 40, seed: 20_261_123, endOnFailure: true },
    )
  }, 280_000)

  test('has a model that catches successors that are drawn instead of derived', async () => {
    const drawn: typeof refreshAt = async (running, token) => {
      const outcome = await refreshAt(running, token.slice(0, 51))
      return outcome.ok ? { ...outcome, token: outcome.token.slice(0, 51) + randomUUID() } : outcome
    }
    const result = await fc.check(
      fc.asyncProperty(steps, async (sequence) => (await play(sequence, drawn)) === undefined),
      { numRuns: 3, seed: 5, endOnFailure: true },
    )
    expect(result.failed).toBe(true)
  }, 60_000)

  test('has a model that catches a rotation without a repeat window', async () => {
    const spent = new Set<string>()
    const strict: typeof refreshAt = async (running, token) => {
      if (spent.has(token)) return { ok: false, final: true }
      spent.add(token)
      return refreshAt(running, token)
    }
    const result = await fc.check(
      fc.asyncProperty(steps, async (sequence) => (await play(sequence, strict)) === undefined),
      { numRuns: 3, seed: 5, endOnFailure: true },
    )
    expect(result.failed).toBe(true)
  }, 60_000)
})

describe('a copied refresh token', () => {
  test('ends the family for both sides once they refresh more than thirty seconds apart', async () => {
    const running = await startNode()
    const family = await signIn(running, false)
    const stolen = family.held
    const honest = await refreshAt(running, family.held)
    if (!honest.ok) throw new Error('refused')
    const next = await refreshAt(running, honest.token)
    if (!next.ok) throw new Error('refused')
    await advanceClock(store.db.query, 31_000)
    await running.node.log.poll()
    expect(await refreshAt(running, stolen)).toEqual({ ok: false, final: true })
    expect(await refreshAt(running, next.token)).toEqual({ ok: false, final: true })
    const row = await store.db.query
      .selectFrom('event')
      .select('kind')
      .where('project_id', '=', 'tree')
      .where('kind', '=', 'session.reuse_detected')
      .execute()
    expect(row.length).toBeGreaterThan(0)
    await running.kill()
  })

  test('is told from a lost reply: the successor unseen earns it again after days', async () => {
    const running = await startNode()
    const family = await signIn(running, false)
    const lost = await refreshAt(running, family.held)
    await advanceClock(store.db.query, 5 * 86_400_000)
    await running.node.log.poll()
    const again = await refreshAt(running, family.held)
    expect(again.ok && lost.ok && again.token === lost.token).toBe(true)
    await running.kill()
  })

  test('counts an access token of the successor, seen at the resolver, as the successor seen', async () => {
    const running = await startNode()
    const family = await signIn(running, false)
    const reply = await refreshAt(running, family.held)
    if (!reply.ok) throw new Error('refused')
    expect(
      await running.node.sessions.resolve(running.project, { as: 'bearer', text: reply.access }, { ip: '::1' }),
    ).toBeDefined()
    await running.node.sessions.access.flush()
    await advanceClock(store.db.query, 31_000)
    await running.node.log.poll()
    expect(await refreshAt(running, family.held)).toEqual({ ok: false, final: true })
    await running.kill()
  })
})

describe('query budgets', () => {
  test('warm resolve 0, cold resolve 1, refresh 1, a repeated refresh 3', async () => {
    const running = await startNode()
    const family = await signIn(running, true)
    const { db } = running.node.world
    const count = async (work: () => Promise<unknown>) => {
      const before = db.statements()
      await work()
      return db.statements() - before
    }
    const first = await refreshAt(running, family.held)
    if (!first.ok) throw new Error('refused')
    const resolve = () =>
      running.node.sessions.resolve(running.project, { as: 'bearer', text: first.access }, { ip: '::1' })
    await running.node.log.poll()
    expect(await count(resolve)).toBe(1)
    expect(await count(resolve)).toBe(0)
    expect(await count(() => refreshAt(running, family.held))).toBe(3)
    expect(await count(() => refreshAt(running, first.token))).toBe(1)
    expect(
      await count(async () => readCredential('A'.repeat(51), { ring: running.project.ring, projectId: 'tree' })),
    ).toBe(0)
    expect(await count(() => refreshAt(running, 'A'.repeat(51)))).toBe(0)
    await running.kill()
  })
})
