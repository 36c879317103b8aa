import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rotation } from './rotation.ts'

const now = new Date('2026-01-01T00:00:00Z')
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000)

describe('a presented refresh token', () => {
  test('of the current generation rotates', () => {
    expect(rotation(3, { generation: 3, seenGeneration: 3, rotatedAt: [ago(99)] }, now)).toEqual({ kind: 'rotate' })
  })

  test('superseded within thirty seconds earns the identical successor, whatever was seen since', () => {
    const grant = { generation: 5, seenGeneration: 5, rotatedAt: [ago(1), ago(10), ago(29), ago(40)] }
    expect(rotation(4, grant, now)).toEqual({ kind: 'repeat', successor: 5 })
    expect(rotation(3, grant, now)).toEqual({ kind: 'repeat', successor: 4 })
    expect(rotation(2, grant, now)).toEqual({ kind: 'repeat', successor: 3 })
    expect(rotation(1, grant, now)).toEqual({ kind: 'reuse' })
    expect(rotation(0, grant, now)).toEqual({ kind: 'reuse' })
  })

  test('whose successor nobody ever used earns it however late', () => {
    const year = 365 * 86_400
    expect(rotation(4, { generation: 5, seenGeneration: 4, rotatedAt: [ago(year)] }, now)).toEqual({
      kind: 'repeat',
      successor: 5,
    })
  })

  test('whose successor was used is a copy once the window has passed', () => {
    expect(rotation(4, { generation: 5, seenGeneration: 5, rotatedAt: [ago(31)] }, now)).toEqual({ kind: 'reuse' })
  })

  test('two generations behind is a copy even when the newest is unseen', () => {
    expect(rotation(3, { generation: 5, seenGeneration: 4, rotatedAt: [ago(60), ago(70)] }, now)).toEqual({
      kind: 'reuse',
    })
  })

  test('ahead of a row that a failover set back goes on', () => {
    expect(rotation(6, { generation: 5, seenGeneration: 5, rotatedAt: [ago(60)] }, now)).toEqual({ kind: 'rotate' })
  })

  test('never earns anything but its own direct successor', () => {
    fc.assert(
      fc.property(
        fc.nat(20),
        fc.nat(20),
        fc.nat(20),
        fc.array(fc.nat(100), { maxLength: 4 }),
        (presented, generation, seen, ages) => {
          const times = ages.sort((a, b) => a - b).map(ago)
          const verdict = rotation(presented, { generation, seenGeneration: seen, rotatedAt: times }, now)
          if (verdict.kind === 'repeat') expect(verdict.successor).toBe(presented + 1)
          if (verdict.kind === 'rotate') expect(presented).toBeGreaterThanOrEqual(generation)
        },
      ),
    )
  })
})
