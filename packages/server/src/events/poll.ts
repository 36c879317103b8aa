// The node's own reader: one statement every 100 ms for all projects. It tells the caches what to forget, and how long
// they may still be trusted.

import type { Logger } from '../log.ts'
import type { Database } from '../storage/database.ts'
import type { Clock } from '../world.ts'
import { type Cursor, continues, parseSnapshot } from './cursor.ts'

export type SeenEvent = {
  projectId: string
  id: string
  at: Date
  kind: string
  payload: Record<string, unknown>
}

export type Listener = {
  /** Events that became visible since the last poll, in no particular order. */
  heard(events: readonly SeenEvent[]): void
  /** The history begins here, or broke (failover, restore): forget everything. */
  reset(): void
}

export type LogPoll = {
  /** May a cached answer be given now? Checked when the answer is built. */
  fresh(): boolean
  /** Number of the last completed poll; a cache fill notes it before it reads. */
  turn(): number
  /** Polls once, now; the test clock and the start use it. */
  poll(): Promise<void>
  listen(listener: Listener): void
  start(): void
  stop(): Promise<void>
}

export const pollEvery = 100
/** A cached answer may be at most this old: the age of the last completed poll, by the worse of two clocks. */
export const freshFor = 800

const pollText = `
select s.system, s.snapshot, s.now, s.skew, e.project_id, e.id, e.at, e.kind, e.payload
from (
  select (select system_identifier::text from pg_control_system()) as system, pg_current_snapshot()::text as snapshot,
    clock_timestamp() as now, (select value from instance where name = 'clock_offset_ms') as skew
) s
left join event e on e.xid >= $1::xid8 or e.xid = any ($2::xid8[])`

type PollRow = {
  system: string
  snapshot: string
  now: Date
  skew: string | null
  project_id: string | null
  id: string
  at: Date
  kind: string
  payload: Record<string, unknown>
}

/** The largest xid8: a first poll with it reads where the log stands, and no row. */
const beyond = '18446744073709551615'

/** Freshness by two clocks (D13): a process that slept, or a clock that jumped either way, is not fresh. */
export function isFresh(
  sent: { monotonic: number; wall: number } | undefined,
  now: { monotonic: number; wall: number },
): boolean {
  if (sent === undefined) return false
  const recent = (age: number) => age >= 0 && age < freshFor
  return recent(now.monotonic - sent.monotonic) && recent(now.wall - sent.wall)
}

export function logPoll(db: Pick<Database, 'run'>, clock: Clock, log: Logger): LogPoll {
  const listeners: Listener[] = []
  let cursor: Cursor | undefined
  let sent: { monotonic: number; wall: number } | undefined
  let turn = 0
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let stopped = false
  let failing = false

  async function once(): Promise<void> {
    const at = { monotonic: clock.monotonic(), wall: clock.wall() }
    const from = cursor === undefined ? { xmax: beyond, open: [] } : parseSnapshot(cursor.snapshot)
    const rows = await db.run<PollRow>(pollText, [from.xmax, from.open])
    const first = rows[0]
    if (first === undefined) throw new Error('the log poll gave no row')
    const seen = { system: first.system, snapshot: first.snapshot }
    clock.sync(first.now, Number(first.skew ?? 0))
    // What was read before the first poll may have changed unheard.
    if (cursor === undefined || !continues(cursor, seen)) {
      for (const listener of listeners) listener.reset()
    } else {
      const events = rows.flatMap((row) =>
        row.project_id === null
          ? []
          : [{ projectId: row.project_id, id: row.id, at: row.at, kind: row.kind, payload: row.payload }],
      )
      if (events.length > 0) for (const listener of listeners) listener.heard(events)
    }
    cursor = seen
    turn += 1
    sent = at
  }

  function poll(): Promise<void> {
    running ??= once().finally(() => {
      running = undefined
    })
    return running
  }

  function schedule() {
    if (stopped) return
    timer = setTimeout(async () => {
      try {
        await poll()
        if (failing) log.info('log poll works again')
        failing = false
      } catch (error) {
        if (!failing) log.warn({ err: error }, 'log poll failed; answering from the database only')
        failing = true
      }
      schedule()
    }, pollEvery)
  }

  return {
    fresh: () => isFresh(sent, { monotonic: clock.monotonic(), wall: clock.wall() }),
    turn: () => turn,
    // A poll under way may have begun before the caller's change: wait it out, then ask again.
    async poll() {
      await running?.catch(() => {})
      await poll()
    },
    listen: (listener) => listeners.push(listener),
    start: schedule,
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running?.catch(() => {})
    },
  }
}
