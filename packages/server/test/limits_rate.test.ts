import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addressKey, type Bucket, charge, cooldown, readyAt } from '../src/limits/rate.ts'
import { after } from '../src/world.ts'
import { openStore } from './support/store.ts'

let store: Awaited<ReturnType<typeof openStore>>
beforeAll(async () => {
  store = await openStore()
})
afterAll(() => store.drop())

const start = new Date('2030-01-01T00:00:00Z')
let serial = 0
const scope = () => ({ projectId: `p${++serial}`, query: store.db.query })
const bucket = (name: string, burst: number, period: number): Bucket => ({
  name,
  group: 'a.group',
  per: 'per_ip',
  of: ['1.2.3.4'],
  limit: { enabled: true, burst, period },
})

async function allowed(where: ReturnType<typeof scope>, buckets: Bucket[], at: Date) {
  return charge(where, buckets, at).then(
    (charged) => charged,
    (error) => {
      expect(error).toMatchObject({ name: 'TooManyRequest', reason: 'RateLimited' })
      return undefined
    },
  )
}

describe('a bucket', () => {
  test('takes its burst at once, and refills evenly', async () => {
    const where = scope()
    const limit = bucket('B', 3, 60)
    for (let i = 0; i < 3; i++) expect(await allowed(where, [limit], start)).toBeDefined()
    const error = await charge(where, [limit], start).catch((refusal) => refusal)
    expect(error.info).toEqual({
      bucket_name: 'B',
      rate_limit: { name: 'a.group.per_ip', group: 'a.group' },
      rate_limit_name: 'a.group',
    })
    expect(error.retryAfter).toBe(20)
    expect(await allowed(where, [limit], after(start, 19.9))).toBeUndefined()
    expect(await allowed(where, [limit], after(start, 20))).toBeDefined()
    expect(await allowed(where, [limit], after(start, 39))).toBeUndefined()
    for (let i = 0; i < 3; i++) expect(await allowed(where, [limit], after(start, 200))).toBeDefined()
    expect(await allowed(where, [limit], after(start, 200))).toBeUndefined()
  })

  test('lets through what a model of GCRA lets through', async () => {
    const step = fc.record({ wait: fc.integer({ min: 0, max: 40_000 }), refund: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 60 }),
        fc.array(step, { maxLength: 20 }),
        async (burst, period, steps) => {
          const where = scope()
          const limit = bucket('M', burst, period)
          const cost = (period * 1000) / burst
          let [now, arrival] = [start.getTime(), 0]
          for (const { wait, refund } of steps) {
            now += wait + 1001 // Past what is remembered of a refusal.
            const next = Math.max(arrival, now) + cost
            // Fractions of a microsecond are the database's; a tie may fall either way.
            const slack = next - (now + period * 1000)
            const charged = await allowed(where, [limit], new Date(now))
            if (Math.abs(slack) > 0.01) expect(charged !== undefined).toBe(slack <= 0)
            if (charged === undefined) continue
            arrival = next
            if (refund) {
              await charged.giveBack()
              arrival -= cost
            }
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  test('counts racing requests one by one', async () => {
    const where = scope()
    const all = await Promise.all(
      Array.from({ length: 30 }, () => allowed(where, [bucket('R', 7, 60), bucket('S', 100, 60)], start)),
    )
    expect(all.filter((one) => one !== undefined)).toHaveLength(7)
    // What one bucket refused, the other was not charged for.
    const rest = await Promise.all(Array.from({ length: 100 }, () => allowed(where, [bucket('S', 100, 60)], start)))
    expect(rest.filter((one) => one !== undefined)).toHaveLength(93)
  })

  test('of many is charged only when all have room, in one statement', async () => {
    const where = scope()
    const before = store.db.statements()
    await charge(where, [bucket('Z', 1, 60), bucket('A', 5, 60), bucket('K', 5, 60)], start)
    expect(store.db.statements() - before).toBe(1)
    expect(
      await charge(where, [bucket('A', 5, 60), bucket('Z', 1, 60)], start).catch((error) => error.info.bucket_name),
    ).toBe('Z')
    for (let i = 0; i < 4; i++) expect(await allowed(where, [bucket('A', 5, 60)], start)).toBeDefined()
    expect(await allowed(where, [bucket('A', 5, 60)], start)).toBeUndefined()
  })

  test('that is full costs a flood no statement for a second', async () => {
    const where = scope()
    const limit = bucket('F', 1, 60)
    await charge(where, [limit], start)
    await allowed(where, [limit], start)
    const before = store.db.statements()
    for (let i = 0; i < 50; i++) expect(await allowed(where, [limit], after(start, i / 100))).toBeUndefined()
    expect(store.db.statements()).toBe(before)
  })

  test('given back is empty again, and one that is off costs nothing', async () => {
    const where = scope()
    const charged = await charge(where, [bucket('G', 1, 60)], start)
    await charged.giveBack()
    expect(await allowed(where, [bucket('G', 1, 60)], start)).toBeDefined()
    const before = store.db.statements()
    await charge(where, [{ ...bucket('O', 1, 1), limit: { enabled: false } }], start)
    expect(store.db.statements()).toBe(before)
  })

  test('that was filled before the clock was set back is waited for no longer than its period', async () => {
    const where = scope()
    const limit = bucket('B', 2, 60)
    for (let i = 0; i < 2; i++) await charge(where, [limit], start)
    expect(await allowed(where, [limit], after(start, -60))).toBeUndefined()
    const earlier = after(start, -7200)
    expect(await readyAt(where, limit, earlier)).toEqual(earlier)
    for (let i = 0; i < 2; i++) expect(await allowed(where, [limit], earlier)).toBeDefined()
    expect(await allowed(where, [limit], earlier)).toBeUndefined()
  })

  test('belongs to one project', async () => {
    const limit = bucket('P', 1, 60)
    expect(await allowed(scope(), [limit], start)).toBeDefined()
    expect(await allowed(scope(), [limit], start)).toBeDefined()
  })
})

test('a cooldown says when it is over', async () => {
  const where = scope()
  const pause = cooldown('C', 'g', ['ana@example.com'], 60)
  expect(await readyAt(where, pause, start)).toEqual(start)
  await charge(where, [pause], start)
  expect(await readyAt(where, pause, after(start, 10))).toEqual(after(start, 60))
  expect(await readyAt(where, pause, after(start, 61))).toEqual(after(start, 61))
  expect(await readyAt(where, cooldown('D', 'g', [], 0), start)).toEqual(start)
})

test('all of an IPv6 network is one address', () => {
  expect(addressKey('203.0.113.9')).toBe('203.0.113.9')
  expect(addressKey('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
  expect(addressKey('2001:DB8:0001:2::1')).toBe('2001:db8:1:2::/64')
  expect(addressKey('2001:db8::1')).toBe('2001:db8:0:0::/64')
  expect(addressKey('::1')).toBe('0:0:0:0::/64')
})
