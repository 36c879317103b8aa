// Within which dates an account may act (authentication §1.6): an outer period in which it is valid at all, and inside
// it a time for which it is disabled.
import type { AccountStatus } from './status.ts'

export type AccountBounds = Pick<
  AccountStatus,
  'account_valid_from' | 'account_valid_until' | 'temporarily_disabled_from' | 'temporarily_disabled_until'
>

const inOrder = [
  ['AccountValidFrom', 'account_valid_from'],
  ['TemporarilyDisabledFrom', 'temporarily_disabled_from'],
  ['TemporarilyDisabledUntil', 'temporarily_disabled_until'],
  ['AccountValidUntil', 'account_valid_until'],
] as const

/**
 * What is wrong with the dates, as the contract's `cause.kind`, or undefined: those that are set must rise strictly in
 * the order above, and the two of the disabled time come together.
 */
export function boundsProblem(bounds: AccountBounds): string | undefined {
  if ((bounds.temporarily_disabled_from === null) !== (bounds.temporarily_disabled_until === null))
    return 'TemporarilyDisabledFromAndTemporarilyDisabledUntilShouldBeSetTogether'
  const set = inOrder.flatMap(([name, column]) => {
    const date = bounds[column]
    return date === null ? [] : [{ name, date }]
  })
  for (const [index, later] of set.entries()) {
    const earlier = set[index - 1]
    if (earlier !== undefined && earlier.date >= later.date) return `${earlier.name}ShouldBeBefore${later.name}`
  }
  return undefined
}
