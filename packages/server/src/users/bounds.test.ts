import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AccountBounds, boundsProblem } from './bounds.ts'

const day = (number: number | null) => (number === null ? null : new Date(Date.UTC(2030, 0, number)))
const bounds = (
  validFrom: number | null,
  from: number | null,
  until: number | null,
  validUntil: number | null,
): AccountBounds => ({
  account_valid_from: day(validFrom),
  temporarily_disabled_from: day(from),
  temporarily_disabled_until: day(until),
  account_valid_until: day(validUntil),
})

describe('the dates of an account', () => {
  test('may all be absent, or nest', () => {
    expect(boundsProblem(bounds(null, null, null, null))).toBeUndefined()
    expect(boundsProblem(bounds(1, 2, 3, 4))).toBeUndefined()
    expect(boundsProblem(bounds(1, null, null, null))).toBeUndefined()
  })

  test('are refused by the name of what is out of order', () => {
    expect(boundsProblem(bounds(4, null, null, 4))).toBe('AccountValidFromShouldBeBeforeAccountValidUntil')
    expect(boundsProblem(bounds(null, 3, 2, null))).toBe(
      'TemporarilyDisabledFromShouldBeBeforeTemporarilyDisabledUntil',
    )
    expect(boundsProblem(bounds(2, 2, 3, null))).toBe('AccountValidFromShouldBeBeforeTemporarilyDisabledFrom')
    expect(boundsProblem(bounds(null, 2, 5, 4))).toBe('TemporarilyDisabledUntilShouldBeBeforeAccountValidUntil')
    expect(boundsProblem(bounds(1, 2, null, 4))).toMatch(/SetTogether$/)
  })

  test('are good exactly when they rise and the inner two come together', () => {
    const date = fc.option(fc.integer({ min: 1, max: 6 }))
    fc.assert(
      fc.property(date, date, date, date, (...dates) => {
        const set = dates.filter((one) => one !== null)
        const rising = set.every((one, index) => index === 0 || (set[index - 1] ?? 0) < one)
        const together = (dates[1] === null) === (dates[2] === null)
        expect(boundsProblem(bounds(...dates)) === undefined).toBe(rising && together)
      }),
    )
  })
})
