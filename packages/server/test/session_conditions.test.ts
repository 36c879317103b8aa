// What a refresh checks in its one statement, and what a rule says of the same row a moment later, must be one opinion.
import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aliveBounds, isAlive, type Lifetimes } from '../src/sessions/session.ts'
import { alive, mayAct } from '../src/sessions/store.ts'
import { type AccountStatus, barred } from '../src/users/status.ts'
import { openStore } from './support/store.ts'

let store: Awaited<ReturnType<typeof openStore>>
beforeAll(async () => {
  store = await openStore()
})
afterAll(() => store?.drop())

// Few moments, so that bounds meet often; milliseconds, since a row keeps more digits than a Date.
const moment = fc.integer({ min: 0, max: 6 }).map((step) => new Date(Date.UTC(2031, 0, 1) + Math.floor(step / 2)))
const perhaps = fc.option(moment, { freq: 2 })
const rarely = fc.option(moment, { freq: 6 })

/** What a condition says of each row, all asked at once. */
async function ask(rows: readonly object[], types: string, condition: ReturnType<typeof sql>): Promise<boolean[]> {
  const result = await sql<{ holds: boolean | null }>`
    select ${condition} as holds from jsonb_to_recordset(${JSON.stringify(rows.map((row, at) => ({ ...row, at })))}::jsonb)
      as row (at int, ${sql.raw(types)}) order by at`.execute(store.db.query)
  return result.rows.map(({ holds }) => holds === true)
}

test('an account may act by the statement exactly when no rule bars it', async () => {
  const status: fc.Arbitrary<AccountStatus> = fc.record({
    is_disabled: fc.integer({ max: 5, min: 0 }).map((drawn) => drawn === 0),
    disable_reason: fc.option(fc.constantFrom('', 'spam')),
    is_deactivated: fc.boolean(),
    temporarily_disabled_from: perhaps,
    temporarily_disabled_until: perhaps,
    account_valid_from: perhaps,
    account_valid_until: perhaps,
    delete_at: rarely.map((date) => (date !== null && date.getTime() % 3 === 0 ? date : null)),
    anonymize_at: rarely.map((date) => (date !== null && date.getTime() % 3 === 0 ? date : null)),
    anonymized_at: rarely.map((date) => (date !== null && date.getTime() % 3 === 0 ? date : null)),
  })
  const types = `is_disabled bool, temporarily_disabled_from timestamptz, temporarily_disabled_until timestamptz,
    account_valid_from timestamptz, account_valid_until timestamptz, delete_at timestamptz, anonymize_at timestamptz,
    anonymized_at timestamptz`
  const seen = { may: 0, mayNot: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(status, { minLength: 40, maxLength: 60 }), moment, async (rows, now) => {
      const expected = rows.map((row) => barred(row, now) === undefined)
      for (const may of expected) seen[may ? 'may' : 'mayNot'] += 1
      expect(await ask(rows, types, mayAct('row', now))).toEqual(expected)
    }),
    { numRuns: 60 },
  )
  expect(Math.min(seen.may, seen.mayNot)).toBeGreaterThan(200)
})

test('a session is alive by the statement exactly when it is by the rule', async () => {
  const times = fc.record({ created_at: moment, last_access_at: moment, ended_at: rarely })
  const lifetimes: fc.Arbitrary<Lifetimes> = fc.record({
    lifetime: fc.constantFrom(0.001, 0.002, 60),
    // The slack of short idle times is five seconds.
    idle: fc.constantFrom(undefined, -4.999, -4.998, 60),
  })
  const types = 'created_at timestamptz, last_access_at timestamptz, ended_at timestamptz'
  const seen = { alive: 0, dead: 0 }
  await fc.assert(
    fc.asyncProperty(
      fc.array(times, { minLength: 40, maxLength: 60 }),
      lifetimes,
      moment,
      async (rows, lifetimes, now) => {
        const expected = rows.map((row) => isAlive(row, lifetimes, now))
        for (const lives of expected) seen[lives ? 'alive' : 'dead'] += 1
        expect(await ask(rows, types, alive('row', aliveBounds(lifetimes, now)))).toEqual(expected)
      },
    ),
    { numRuns: 60 },
  )
  expect(Math.min(seen.alive, seen.dead)).toBeGreaterThan(200)
})
