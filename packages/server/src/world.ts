// All that may be touched outside a rule: database, time, chance, messages, network, log.
import { randomBytes } from 'node:crypto'
import type { Fetch } from './http/outbound.ts'
import type { Logger } from './log.ts'
import type { Mailer, SmsSender } from './messaging/channels.ts'
import type { Database } from './storage/database.ts'

export type Instant = Date
export type Seconds = number

/** One clock: database time carried forward monotonically, plus the development offset. */
export type Clock = {
  /** Product time. */
  now(): Instant
  /** Milliseconds that only grow; for ages and time-outs inside this process. */
  monotonic(): number
  /** Milliseconds of the machine's wall clock; only to notice that the process slept. */
  wall(): number
  /** Takes the database's time and the development offset, as read by the log poll. */
  sync(databaseNow: Instant, offsetMs: number): void
}

export type Random = (bytes: number) => Buffer

export type World = {
  db: Database
  clock: Clock
  random: Random
  mailer: Mailer
  sms: SmsSender
  fetch: Fetch
  log: Logger
}

export function systemClock(): Clock {
  let base = Date.now()
  let anchor = performance.now()
  return {
    now: () => new Date(base + (performance.now() - anchor)),
    monotonic: () => performance.now(),
    wall: () => Date.now(),
    sync(databaseNow, offsetMs) {
      base = databaseNow.getTime() + offsetMs
      anchor = performance.now()
    },
  }
}

export const systemRandom: Random = (bytes) => randomBytes(bytes)

/** `date` moved by `seconds` (may be negative or fractional). */
export function after(date: Instant, seconds: Seconds): Instant {
  return new Date(date.getTime() + seconds * 1000)
}
