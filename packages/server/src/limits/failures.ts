// Limits that only failures fill: who is always right is never counted, and costs no statement.
import { LRUCache } from 'lru-cache'
import type { Query, Scope } from '../storage/database.ts'
import { after, type Instant } from '../world.ts'
import { type Bucket, charge } from './rate.ts'

export type FailureBucket = Bucket & { limit: { enabled: true; period: number } }

type Suspects = LRUCache<string, Instant>
const suspects = new WeakMap<Query, Suspects>()

/** Buckets in which this process has seen a failure, until when it looks at them first. */
function suspectsOf(query: Query): Suspects {
  const known = suspects.get(query) ?? new LRUCache<string, Instant>({ max: 20_000 })
  suspects.set(query, known)
  return known
}

/**
 * Does `work`, whose failures count. The first one is only remembered, by this process; for a period after it the bucket
 * is charged beforehand, so that a full one tells nothing, and what succeeds is given back.
 * @throws Refusal 429 when the bucket is full of failures, and what `work` throws.
 */
export async function countFailures<T>(
  scope: Scope<Query>,
  counted: { bucket: FailureBucket; now: Instant; isFailure: (error: unknown) => boolean },
  work: () => T,
): Promise<T> {
  const { bucket, now } = counted
  const known = suspectsOf(scope.query)
  const key = [scope.projectId, bucket.name, ...bucket.of].join(' ')
  const until = known.get(key)
  const charged = until !== undefined && now < until ? await charge(scope, [bucket], now) : undefined
  try {
    const result = work()
    await charged?.giveBack()
    return result
  } catch (error) {
    if (counted.isFailure(error)) known.set(key, after(now, bucket.limit.period))
    else await charged?.giveBack()
    throw error
  }
}
