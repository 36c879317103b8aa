// The log reader against real transactions: late, out of order, and behind one that stays open elsewhere.
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { append } from '../src/events/log.ts'
import { logPoll, type SeenEvent } from '../src/events/poll.ts'
import { makeLogger } from '../src/log.ts'
import { inTransaction } from '../src/storage/database.ts'
import { systemClock } from '../src/world.ts'
import { createDatabase } from './support/postgres.ts'
import { onPostgres, openStore } from './support/store.ts'

const quiet = makeLogger({ level: 'fatal', sink: { write: () => {} } })
let store: Awaited<ReturnType<typeof openStore>>

beforeAll(async () => {
  store = await openStore()
})
afterAll(() => store.drop())

function reader(db = store.db) {
  const heard: SeenEvent[] = []
  let resets = 0
  const poll = logPoll(db, systemClock(), quiet)
  poll.listen({
    heard: (events) => heard.push(...events),
    reset: () => {
      resets += 1
    },
  })
  return { poll, heard, resets: () => resets }
}

const insertText = `insert into event (project_id, id, at, kind, payload) values ('p', $1, now(), 'user.created', '{"user_id":"u"}')`

describe('the log reader', () => {
  test('hears each committed event once, and none that was rolled back', async () => {
    const { poll, heard } = reader()
    await poll.poll()
    const scope = { projectId: 'p', query: store.db.query }
    await inTransaction(scope, (tx) => append(tx, new Date(), 'user.created', { user_id: 'a' }))
    await inTransaction(scope, async (tx) => {
      await append(tx, new Date(), 'user.created', { user_id: 'b' })
      throw new Error('no')
    }).catch(() => {})
    await poll.poll()
    await poll.poll()
    expect(heard.map((event) => event.payload)).toEqual([{ user_id: 'a' }])
  })

  test('begins where the log stands, not at its start', async () => {
    await inTransaction({ projectId: 'p', query: store.db.query }, (tx) =>
      append(tx, new Date(), 'user.created', { user_id: 'old' }),
    )
    const { poll, heard } = reader()
    await poll.poll()
    await poll.poll()
    expect(heard).toEqual([])
  })

  test('is fresh after a poll, and not before', async () => {
    const { poll } = reader()
    expect(poll.fresh()).toBe(false)
    await poll.poll()
    expect(poll.fresh()).toBe(true)
  })

  test('forgets everything when the cluster is another or its history was set back', async () => {
    const seen = [
      { system: 'one', snapshot: '10:20:' },
      { system: 'one', snapshot: '10:21:' },
      { system: 'one', snapshot: '10:15:' },
      { system: 'two', snapshot: '10:15:' },
    ]
    const db = { run: async <Row>() => [{ ...seen.shift(), now: new Date(), skew: null, project_id: null }] as Row[] }
    const { poll, resets } = reader(db as never)
    // The first of them stands for what was read before anything could be heard.
    for (const expected of [1, 1, 2, 3]) {
      await poll.poll()
      expect(resets()).toBe(expected)
    }
  })
})

describe.runIf(onPostgres)('the log reader among many writers', () => {
  async function clients(count: number, url = store.url) {
    const made = await Promise.all(
      Array.from({ length: count }, async () => {
        const client = new pg.Client({ connectionString: url })
        client.on('error', () => {})
        await client.connect()
        return client
      }),
    )
    return { made, [Symbol.asyncDispose]: async () => void (await Promise.all(made.map((client) => client.end()))) }
  }

  test('is not held up by a transaction that stays open in another database of the cluster, nor rereads behind it', async () => {
    const other = await createDatabase()
    await using open = await clients(1, other.url)
    await open.made[0]?.query('begin')
    await open.made[0]?.query('select pg_current_xact_id()')
    const { poll, heard } = reader()
    await poll.poll()
    for (let index = 0; index < 20; index++) {
      await inTransaction({ projectId: 'p', query: store.db.query }, (tx) =>
        append(tx, new Date(), 'user.created', { user_id: `${index}` }),
      )
      await poll.poll()
      expect(heard.length).toBe(index + 1)
    }
    await open.made[0]?.query('rollback')
    await other.drop()
  })

  type Step = { writer: number; do: 'begin' | 'write' | 'commit' | 'rollback' | 'poll' }
  const writers = 5
  const steps = fc.array(
    fc.record({
      writer: fc.nat(writers - 1),
      do: fc.constantFrom('begin', 'write', 'write', 'commit', 'rollback', 'poll'),
    }) as fc.Arbitrary<Step>,
    { minLength: 200, maxLength: 200, size: 'max' },
  )

  /** Runs the steps; `listen` gives what a reader has heard so far after a poll. */
  async function run(sequence: Step[], listen: () => Promise<string[]>): Promise<string | undefined> {
    await using open = await clients(writers)
    const inFlight = new Map<number, string[]>()
    const committed = new Set<string>()
    for (const step of sequence) {
      const client = open.made[step.writer]
      const pending = inFlight.get(step.writer)
      if (step.do === 'begin' && pending === undefined) {
        await client?.query('begin')
        await client?.query('select pg_current_xact_id()')
        inFlight.set(step.writer, [])
      } else if (step.do === 'write') {
        const id = randomUUID()
        await client?.query(insertText, [id])
        if (pending === undefined) committed.add(id)
        else pending.push(id)
      } else if ((step.do === 'commit' || step.do === 'rollback') && pending !== undefined) {
        await client?.query(step.do)
        if (step.do === 'commit') for (const id of pending) committed.add(id)
        inFlight.delete(step.writer)
      } else if (step.do === 'poll') {
        const heard = await listen()
        const distinct = new Set(heard)
        if (distinct.size !== heard.length) return 'heard twice'
        for (const id of committed) if (!distinct.has(id)) return 'lost'
        if (distinct.size !== committed.size) return 'heard what was not committed'
      }
    }
    return undefined
  }

  test('hears everything that is committed at each poll, once, whatever the order (10,000 steps)', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const { poll, heard } = reader()
        await poll.poll()
        expect(
          await run(sequence, async () => {
            await poll.poll()
            return heard.map((event) => event.id)
          }),
        ).toBeUndefined()
      }),
      { numRuns: 50, seed: 20_261_123, endOnFailure: true },
    )
  }, 120_000)

  test('has a model that catches a reader which follows the highest transaction it saw', async () => {
    const result = await fc.check(
      fc.asyncProperty(steps, async (sequence) => {
        const heard: string[] = []
        let last =
          (await store.db.run<{ x: string }>('select pg_snapshot_xmax(pg_current_snapshot())::text as x', []))[0]?.x ??
          '0'
        return (
          (await run(sequence, async () => {
            const rows = await store.db.run<{ id: string; xid: string }>(
              'select id, xid::text as xid from event where xid >= $1::xid8 order by xid',
              [last],
            )
            heard.push(...rows.map((row) => row.id))
            const highest = rows.at(-1)?.xid
            if (highest !== undefined) last = String(BigInt(highest) + 1n)
            return heard
          })) === undefined
        )
      }),
      { numRuns: 10, seed: 1, endOnFailure: true },
    )
    expect(result.failed).toBe(true)
  }, 60_000)
})
