// Two sides by turns: whatever else the machine does meanwhile, it does to both.
import { middle } from './claim.ts'
import type { Result } from './load.ts'

export type Compared = {
  ours: Result
  theirs: Result
  /** Ours over theirs in the same round; the middle round's. */
  ratio: { perSecond: number; p99: number }
}

/** Each measures one round; the first round of both warms up and does not count. */
export async function compare(
  ours: () => Promise<Result>,
  theirs: () => Promise<Result>,
  rounds = 5,
): Promise<Compared> {
  await ours()
  await theirs()
  const pairs: { ours: Result; theirs: Result }[] = []
  for (let round = 0; round < rounds; round++) pairs.push({ ours: await ours(), theirs: await theirs() })
  const results = (side: 'ours' | 'theirs'): Result => {
    const of = (key: keyof Result) => middle(pairs.map((pair) => pair[side][key]))
    return { perSecond: of('perSecond'), p50: of('p50'), p99: of('p99'), answers: of('answers') }
  }
  const ratio = (key: 'perSecond' | 'p99') => middle(pairs.map((pair) => pair.ours[key] / pair.theirs[key]))
  return {
    ours: results('ours'),
    theirs: results('theirs'),
    ratio: { perSecond: ratio('perSecond'), p99: ratio('p99') },
  }
}
