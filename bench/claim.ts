// What a section finds, and how it is told: never a number without the peer it was measured beside.

export type Claim = {
  what: string
  unit: '/s' | 'ms' | 's' | 'MB'
  ours: number
  peer: string
  theirs: number
  /** Of several rounds the middle one's; `ours / theirs` when there was one round. */
  ratio: number
  /** A bound on the ratio, or on our own number where the promise is an absolute one. */
  goal: { of: 'ratio' | 'ours'; bound: 'at least' | 'at most'; is: number }
  /** How the number is spread; each a line of its own. */
  details?: readonly string[]
}

export function isMet({ goal, ratio, ours }: Claim): boolean {
  const value = goal.of === 'ratio' ? ratio : ours
  return goal.bound === 'at least' ? value >= goal.is : value <= goal.is
}

export function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

const number = (value: number) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3))
const measured = (value: number, unit: Claim['unit']) => number(value) + (unit === '/s' ? '' : ' ') + unit

export function lineOf(claim: Claim): string {
  const { goal, unit, peer } = claim
  const promised = goal.of === 'ratio' ? `${goal.is}x` : measured(goal.is, unit)
  const line = [
    `  ${claim.what}:`.padEnd(52),
    measured(claim.ours, unit).padStart(9),
    `${claim.ratio.toFixed(2)}x`.padStart(8),
    `of ${peer} (${measured(claim.theirs, unit)}),`,
    `goal ${goal.bound} ${promised}:`,
    isMet(claim) ? 'met' : 'MISSED',
  ].join(' ')
  return [line, ...(claim.details ?? []).map((detail) => `    ${detail}`)].join('\n')
}
