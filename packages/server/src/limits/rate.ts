// Rate limits: GCRA with refunds (decisions D19). A bucket is one row that holds the theoretical arrival time of its next
// request; all buckets of a request are charged in one statement, in the order of their keys. Reference: §8.1.
import { isIPv6 } from 'node:net'
import { sql } from 'kysely'
import { LRUCache } from 'lru-cache'
import { Refusal } from '../refusal.ts'
import type { Query, Scope } from '../storage/database.ts'
import { after, type Instant } from '../world.ts'
import type { RateLimit } from './config.ts'

export type Bucket = {
  /** `info.bucket_name` of the refusal. */
  name: string
  /** The configuration path with dots, such as `authentication.password`. */
  group: string
  per: 'per_ip' | 'per_user' | 'per_user_per_ip' | 'per_target' | 'per_project' | 'cooldown'
  /** Who is counted: the parts of the bucket's key. */
  of: readonly string[]
  limit: RateLimit
}

/** What was charged, to be given back when it turns out not to count. */
export type Charge = { giveBack(): Promise<void> }

const nothing: Charge = { giveBack: async () => {} }

/** Seconds that one request costs, down to whole microseconds, the database's unit: rounded up, the burst would not fit. */
function cost(limit: Extract<RateLimit, { enabled: true }>): number {
  return Math.floor((limit.period * 1e6) / limit.burst) / 1e6
}

/** A key that costs the same to guess for both kinds of address: whoever has one IPv6 address has its whole /64. */
export function addressKey(ip: string): string {
  if (!isIPv6(ip)) return ip
  const [head = '', tail = ''] = ip.split('::')
  const [left, right] = [head.split(':').filter(Boolean), tail.split(':').filter(Boolean)]
  const groups = ip.includes('::')
    ? [...left, ...Array(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
    : left
  return `${groups
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}

type Remembered = LRUCache<string, { until: number; from: number }>
const refusals = new WeakMap<Query, Remembered>()

/** Refusals last in memory for a second at most: a flood costs the database one statement a second, a refund is soon seen. */
function rememberedOf(query: Query): Remembered {
  const known = refusals.get(query) ?? new LRUCache<string, { until: number; from: number }>({ max: 20_000 })
  refusals.set(query, known)
  return known
}

function refusal(bucket: Bucket, retryAt: number, now: Instant): Refusal {
  return new Refusal({
    name: 'TooManyRequest',
    reason: 'RateLimited',
    message: 'request rate limited',
    info: {
      bucket_name: bucket.name,
      rate_limit: { name: `${bucket.group}.${bucket.per}`, group: bucket.group },
      rate_limit_name: bucket.group,
    },
    retryAfter: Math.max(1, Math.ceil((retryAt - now.getTime()) / 1000)),
  })
}

/**
 * Charges every bucket once, or none. A bucket that is full beyond its period was filled before the clock was set back;
 * it counts as empty, since waiting for its time might take for ever.
 * @throws Refusal 429 `RateLimited`, naming the first bucket that is full.
 */
export async function charge(scope: Scope<Query>, buckets: readonly Bucket[], now: Instant): Promise<Charge> {
  const charged = buckets.flatMap((bucket) =>
    bucket.limit.enabled
      ? [{ bucket, key: [bucket.name, ...bucket.of].join(' '), cost: cost(bucket.limit), period: bucket.limit.period }]
      : [],
  )
  if (charged.length === 0) return nothing
  const remembered = rememberedOf(scope.query)
  for (const { bucket, key } of charged) {
    const held = remembered.get(`${scope.projectId} ${key}`)
    if (held !== undefined && now.getTime() < Math.min(held.until, held.from + 1000) && now.getTime() >= held.from)
      throw refusal(bucket, held.until, now)
  }
  const { rows } = await sql<{ key: string }>`
    with asked as (select * from unnest(${charged.map((one) => one.key)}::text[], ${charged.map((one) => one.cost)}::float8[],
      ${charged.map((one) => one.period)}::float8[]) as a(key, cost, period))
    insert into rate_bucket as b (project_id, key, arrival)
    select ${scope.projectId}, a.key, ${now}::timestamptz + make_interval(secs => a.cost) from asked a order by a.key
    on conflict (project_id, key) do update
      set arrival = (select case when b.arrival between ${now}::timestamptz and ${now}::timestamptz + make_interval(secs => a.period + 60)
          then b.arrival else ${now}::timestamptz end + make_interval(secs => a.cost) from asked a where a.key = excluded.key)
      where (select b.arrival <= ${now}::timestamptz + make_interval(secs => a.period - a.cost)
          or b.arrival > ${now}::timestamptz + make_interval(secs => a.period + 60) from asked a where a.key = excluded.key)
    returning key`.execute(scope.query)
  const taken = new Set(rows.map((row) => row.key))
  const giveBack = () =>
    refund(
      scope,
      charged.filter((one) => taken.has(one.key)),
    )
  const full = charged.find((one) => !taken.has(one.key))
  if (full === undefined) return { giveBack }
  await giveBack()
  const arrival = await arrivalOf(scope, full.key)
  const until = (arrival?.getTime() ?? now.getTime()) - (full.period - full.cost) * 1000
  remembered.set(`${scope.projectId} ${full.key}`, { until, from: now.getTime() })
  throw refusal(full.bucket, until, now)
}

async function refund(scope: Scope<Query>, charged: readonly { key: string; cost: number }[]): Promise<void> {
  if (charged.length === 0) return
  // Rows are taken in the order of their keys, as charging does, so that the two cannot lock each other out.
  await sql`with given as (select * from unnest(${charged.map((one) => one.key)}::text[], ${charged.map((one) => one.cost)}::float8[]) as g(key, cost)),
    held as (select b.key from rate_bucket b where b.project_id = ${scope.projectId}
      and b.key = any (${charged.map((one) => one.key)}::text[]) order by b.key for update)
    update rate_bucket b set arrival = b.arrival - make_interval(secs => g.cost)
    from given g, held h where b.project_id = ${scope.projectId} and b.key = g.key and h.key = b.key`.execute(
    scope.query,
  )
}

async function arrivalOf(scope: Scope, key: string): Promise<Date | undefined> {
  const row = await scope.query
    .selectFrom('rate_bucket')
    .select('arrival')
    .where('project_id', '=', scope.projectId)
    .where('key', '=', key)
    .executeTakeFirst()
  return row?.arrival
}

/** A pause of `seconds` between two of the same thing. */
export function cooldown(name: string, group: string, of: readonly string[], seconds: number): Bucket {
  return {
    name,
    group,
    per: 'cooldown',
    of,
    limit: seconds > 0 ? { enabled: true, period: seconds, burst: 1 } : { enabled: false },
  }
}

/** When a bucket will take another request; now when it is not full. */
export async function readyAt(scope: Scope, bucket: Bucket, now: Instant): Promise<Instant> {
  if (!bucket.limit.enabled) return now
  const arrival = await arrivalOf(scope, [bucket.name, ...bucket.of].join(' '))
  if (arrival === undefined) return now
  const ready = after(arrival, cost(bucket.limit) - bucket.limit.period)
  return ready > now && arrival <= after(now, bucket.limit.period + 60) ? ready : now
}
