// The cache against a model of the world: a database that changes, a log that is heard late, readings that take time.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Cached, sessionCache, tags } from './cache.ts'

type Entry = Cached<{ version: number }>
const entry = (id: string, version: number): Entry => ({
  value: { version },
  readAt: 0,
  tags: [tags.session('p', id)],
  bytes: 10,
})
const ended = (id: string) => ({
  projectId: 'p',
  id: 'e',
  at: new Date(0),
  kind: 'user.signed_out',
  payload: { user_id: 'u', reason: '', idp_sessions: [id], grants: [] },
})

type Step = { do: 'change' | 'hear' | 'begin' | 'fill' | 'ask'; id: string }

function run(steps: Step[], cache: ReturnType<typeof sessionCache<{ version: number }>>): string | undefined {
  const truth = new Map<string, number>()
  const unheard: { id: string; version: number }[] = []
  const heard = new Map<string, number>()
  const readings: { id: string; version: number; fill: ReturnType<typeof cache.begin> }[] = []
  for (const step of steps) {
    const version = truth.get(step.id) ?? 0
    if (step.do === 'change') {
      truth.set(step.id, version + 1)
      unheard.push({ id: step.id, version: version + 1 })
    }
    if (step.do === 'hear') {
      const event = unheard.shift()
      if (event === undefined) continue
      heard.set(event.id, event.version)
      cache.heard([ended(event.id)])
    }
    if (step.do === 'begin') readings.push({ id: step.id, version, fill: cache.begin() })
    if (step.do === 'fill') {
      const reading = readings.shift()
      reading?.fill.keep(reading.id, entry(reading.id, reading.version))
    }
    if (step.do === 'ask') {
      const found = cache.get(step.id)
      // Whatever was heard of must never be answered from before it.
      if (found !== undefined && found.value.version < (heard.get(step.id) ?? 0)) return `stale ${step.id}`
    }
  }
  return undefined
}

const steps = fc.array(
  fc.record({
    do: fc.constantFrom('change', 'hear', 'begin', 'fill', 'ask'),
    id: fc.constantFrom('a', 'b'),
  }) as fc.Arbitrary<Step>,
  { maxLength: 60 },
)
const fresh = () => sessionCache<{ version: number }>({ maxBytes: 10_000, monotonic: () => 0 })

describe('the session cache', () => {
  test('never answers from before what it heard, however readings and the log race', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        expect(run(sequence, fresh())).toBeUndefined()
      }),
      { numRuns: 2000 },
    )
  })

  test('has a model that catches a fill which ignores its race', () => {
    const naive = () => {
      const cache = fresh()
      const begun = cache.begin
      return { ...cache, begin: () => ({ keep: (key: string, value: Entry) => begun().keep(key, value) }) }
    }
    const result = fc.check(
      fc.property(steps, (sequence) => run(sequence, naive()) === undefined),
      { numRuns: 5000 },
    )
    expect(result.failed).toBe(true)
  })

  test('forgets everything on a reset, and keeps no reading that began before it', () => {
    const cache = fresh()
    const fill = cache.begin()
    cache.reset()
    expect(fill.keep('a', entry('a', 0))).toBe(false)
    expect(cache.begin().keep('a', entry('a', 0))).toBe(true)
  })

  test('re-reads after a minute', () => {
    let now = 0
    const cache = sessionCache<{ version: number }>({ maxBytes: 10_000, monotonic: () => now })
    cache.begin().keep('a', entry('a', 0))
    now = 60_000
    expect(cache.get('a')).toBeDefined()
    now = 60_001
    expect(cache.get('a')).toBeUndefined()
  })

  test('stays within its bytes', () => {
    const cache = sessionCache<{ version: number }>({ maxBytes: 5000, monotonic: () => 0 })
    for (let index = 0; index < 1000; index++) cache.begin().keep(`key ${index}`, entry(`s${index}`, 0))
    expect(cache.size()).toBeLessThan(5000 / 210)
  })
})
