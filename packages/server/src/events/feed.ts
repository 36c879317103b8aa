// The revocation feed: what has ended although a JWT that speaks for it may still be about. A reader of the log whose
// cursor travels with the follower, so that any node answers any follower.
import { sql } from 'kysely'
import { sid } from '../sessions/credential.ts'
import type { Scope } from '../storage/database.ts'
import type { Instant } from '../world.ts'
import { continues, parseSnapshot } from './cursor.ts'
import type { EndedSessions, Events } from './kinds.ts'
import type { LogPoll } from './poll.ts'

/** One thing a verifier must refuse. Times are Unix seconds; `exp` is when the last JWT it could concern expires. */
export type Revocation =
  | { sid: string; exp: number }
  | { jti: string; exp: number }
  | { client_id: string; before: number; exp: number }

export type FeedPage = { next: string; more: boolean; entries: Revocation[] }

/**
 * Where a follower stands. It has all that was visible in `base`, or nothing yet; while a page leaves some, `reading` is
 * the snapshot in which it began and `last` the event that it reached.
 */
export type Position = {
  system: string
  /** Unix seconds of the last page. */
  at: number
  base: string | null
  reading: string | null
  last: string
}

const first = '00000000-0000-0000-0000-000000000000'
const pageSize = 200
/** The log keeps seven days; a follower that was away for longer starts over. */
const oldest = 6 * 86_400
/** Every transaction is at or after it. */
const beginning = '0'

export function writePosition({ system, at, base, reading, last }: Position): string {
  return Buffer.from(JSON.stringify([system, at, base, reading, last])).toString('base64url')
}

const snapshot = /^\d{1,20}:\d{1,20}:(\d{1,20}(,\d{1,20})*)?$/

/** PostgreSQL's own text of a snapshot, and numbers that it can read. */
function isSnapshot(value: unknown): value is string {
  if (typeof value !== 'string' || !snapshot.test(value)) return false
  const numbers = value.split(/[:,]/).filter((part) => part !== '')
  return numbers.every((part) => BigInt.asUintN(64, BigInt(part)).toString() === part)
}

/** The position in a cursor, or undefined when it is none of ours. */
export function readPosition(text: string): Position | undefined {
  if (text.length > 8192) return undefined
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    return undefined
  }
  if (!Array.isArray(parts) || parts.length !== 5) return undefined
  const [system, at, base, reading, last] = parts as [unknown, number, unknown, unknown, unknown]
  if (typeof system !== 'string' || !Number.isInteger(at)) return undefined
  if ((base !== null && !isSnapshot(base)) || (reading !== null && !isSnapshot(reading))) return undefined
  if (typeof last !== 'string' || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(last)) return undefined
  return { system, at, base, reading, last }
}

/** What an event takes from verifiers, as far as a JWT of it can still be alive. */
export function revocationsOf(event: { kind: string; at: Date; payload: unknown }, now: Instant): Revocation[] {
  const alive = (exp: number | undefined): exp is number => exp !== undefined && exp * 1000 > now.getTime()
  switch (event.kind) {
    case 'access_token.revoked': {
      const { token_id, exp, jwt } = event.payload as Events['access_token.revoked']
      return jwt && alive(exp) ? [{ jti: token_id, exp }] : []
    }
    case 'project.updated': {
      const { removed_clients = [] } = event.payload as Events['project.updated']
      const before = Math.floor(event.at.getTime() / 1000)
      return removed_clients.flatMap(({ client_id, exp }) => (alive(exp) ? [{ client_id, before, exp }] : []))
    }
    default:
      return (event.payload as EndedSessions).grants.flatMap(({ id, exp }) =>
        alive(exp) ? [{ sid: sid('offline_grant', Buffer.from(id, 'base64url')), exp }] : [],
      )
  }
}

type Row = {
  system: string
  snapshot: string
  id: string | null
  at: Date
  kind: string
  payload: unknown
}

const kinds = sql`kind in ('user.signed_out', 'user.session.terminated', 'session.reuse_detected', 'access_token.revoked', 'project.updated')`

/**
 * The next page after a cursor, or the first page of the whole live set. It holds all that was committed before the call.
 * @returns undefined when the cursor is unknown, too old, or of a history that this database does not continue.
 */
export async function readFeed(scope: Scope, after: string | undefined, now: Instant): Promise<FeedPage | undefined> {
  const from = after === undefined ? undefined : readPosition(after)
  const seconds = Math.floor(now.getTime() / 1000)
  if (after !== undefined && (from === undefined || seconds - from.at > oldest)) return undefined
  const base = from?.base ?? null
  const { xmax, open } = base === null ? { xmax: beginning, open: [] } : parseSnapshot(base)
  // A follower near the head finds its few rows by transaction; one that starts finds its project's by id.
  const candidates =
    base === null
      ? sql`select id, at, kind, payload from event where project_id = ${scope.projectId} and ${kinds}`
      : sql`select id, at, kind, payload from recent where project_id = ${scope.projectId} and ${kinds}`
  const { rows } = await sql<Row>`
    with recent as materialized (
      select project_id, id, at, kind, payload from event e
      where ${base !== null} and (e.xid >= ${xmax}::xid8 or e.xid = any (${open}::xid8[]))
    )
    select s.system, s.snapshot, e.id, e.at, e.kind, e.payload
    from (select (select system_identifier::text from pg_control_system()) as system,
      pg_current_snapshot()::text as snapshot) s
    left join lateral (
      select * from (${candidates}) c where c.id > ${from?.last ?? first}::uuid order by c.id limit ${pageSize + 1}
    ) e on true
    order by e.id`.execute(scope.query)
  const head = rows[0]
  if (head === undefined) throw new Error('the revocation feed gave no row')
  const { system } = head
  const reading = from?.reading ?? head.snapshot
  const stood = from && { system: from.system, snapshot: from.reading ?? from.base ?? head.snapshot }
  if (stood !== undefined && !continues(stood, { system, snapshot: head.snapshot })) return undefined
  const events = rows.flatMap((row) => (row.id === null ? [] : [{ ...row, id: row.id }]))
  const page = events.slice(0, pageSize)
  const more = events.length > pageSize
  const entries = page.flatMap((event) => revocationsOf(event, now))
  const next: Position = more
    ? { system, at: seconds, base, reading, last: page.at(-1)?.id ?? first }
    : { system, at: seconds, base: reading, reading: null, last: first }
  if (from === undefined) entries.unshift(...(await lingering(scope, now)))
  return { next: writePosition(next), more, entries }
}

/** Grants that ended before the log begins, and whose JWTs were made to live even longer. */
async function lingering(scope: Scope, now: Instant): Promise<Revocation[]> {
  const { rows } = await sql<{ id: Buffer; exp: Date }>`
    select id, last_issued_exp as exp from offline_grant where project_id = ${scope.projectId} and ended_at is not null
      and last_issued_exp > ${now}::timestamptz and ended_at < ${now}::timestamptz - interval '6 days'`.execute(
    scope.query,
  )
  return rows.map(({ id, exp }) => ({ sid: sid('offline_grant', id), exp: Math.floor(exp.getTime() / 1000) }))
}

/** Lets followers wait for news of their project without asking the database meanwhile. */
export type FeedNews = {
  /** Settles when this node hears of a revocation in the project, or after `ms`. @returns whether there is news. */
  wait(projectId: string, ms: number): Promise<boolean>
}

export function feedNews(log: LogPoll): FeedNews {
  const waiting = new Map<string, Set<() => void>>()
  const wake = (projectId: string) => {
    for (const tell of waiting.get(projectId) ?? []) tell()
  }
  log.listen({
    heard(events) {
      for (const { projectId, kind, payload } of events)
        if (waiting.has(projectId) && tells(kind, payload)) wake(projectId)
    },
    reset() {
      for (const projectId of [...waiting.keys()]) wake(projectId)
    },
  })
  return {
    wait(projectId, ms) {
      return new Promise((resolve) => {
        const others = waiting.get(projectId) ?? new Set()
        waiting.set(projectId, others)
        const done = (news: boolean) => {
          clearTimeout(timer)
          others.delete(tell)
          if (others.size === 0 && waiting.get(projectId) === others) waiting.delete(projectId)
          resolve(news)
        }
        const tell = () => done(true)
        const timer = setTimeout(() => done(false), ms)
        others.add(tell)
      })
    },
  }
}

function tells(kind: string, payload: Record<string, unknown>): boolean {
  if (kind === 'project.updated') return payload.removed_clients !== undefined
  return (
    kind === 'user.signed_out' ||
    kind === 'user.session.terminated' ||
    kind === 'session.reuse_detected' ||
    kind === 'access_token.revoked'
  )
}
