// Warm sessions by the whole credential. An entry is what the database said; whether it is alive is judged anew each
// time. Entries fall by the log, and an entry whose reading began before its own invalidation was heard is not kept.
import { LRUCache } from 'lru-cache'
import { touchedBy } from '../events/kinds.ts'
import type { SeenEvent } from '../events/poll.ts'

export type Cached<T> = { value: T; readAt: number; tags: readonly string[]; bytes: number }

export type SessionCache<T> = {
  get(key: string): Cached<T> | undefined
  /** Call before reading from the database; the fill that follows is refused if it lost the race. */
  begin(): Fill<T>
  heard(events: readonly SeenEvent[]): void
  reset(): void
  size(): number
}

export type Fill<T> = { keep(key: string, entry: Cached<T>): boolean }

export const tags = {
  session: (projectId: string, id: Buffer | string) =>
    `s ${projectId} ${typeof id === 'string' ? id : id.toString('base64url')}`,
  user: (projectId: string, id: string) => `u ${projectId} ${id}`,
  token: (projectId: string, id: string) => `t ${projectId} ${id}`,
  project: (projectId: string) => `p ${projectId}`,
}

/** Entries are re-read after this long even if nothing was heard. */
export const rereadAfter = 60_000

/** Invalidations are remembered for as long as a reading may take. */
const remembered = 30_000

export function sessionCache<T>(options: { maxBytes: number; monotonic: () => number }): SessionCache<T> {
  const { monotonic } = options
  const byTag = new Map<string, Set<string>>()
  const fallen = new Map<string, number>()
  let sequence = 0
  let lastReset = 0
  const times: { sequence: number; at: number; tag: string }[] = []

  const entries = new LRUCache<string, Cached<T>>({
    maxSize: options.maxBytes,
    sizeCalculation: (entry, key) => entry.bytes + key.length + 200,
    dispose(entry, key) {
      for (const tag of entry.tags) {
        const keys = byTag.get(tag)
        keys?.delete(key)
        if (keys?.size === 0) byTag.delete(tag)
      }
    },
  })

  function fall(tag: string) {
    sequence += 1
    fallen.set(tag, sequence)
    times.push({ sequence, at: monotonic(), tag })
    for (const key of [...(byTag.get(tag) ?? [])]) entries.delete(key)
    while (times[0] !== undefined && monotonic() - times[0].at > remembered) {
      const old = times.shift()
      if (old !== undefined && fallen.get(old.tag) === old.sequence) fallen.delete(old.tag)
    }
  }

  return {
    get(key) {
      const entry = entries.get(key)
      if (entry === undefined || monotonic() - entry.readAt <= rereadAfter) return entry
      entries.delete(key)
      return undefined
    },
    begin() {
      const began = sequence
      const at = monotonic()
      return {
        keep(key, entry) {
          const raced = lastReset > began || entry.tags.some((tag) => (fallen.get(tag) ?? 0) > began)
          if (raced || monotonic() - at > remembered) return false
          entries.set(key, entry)
          for (const tag of entry.tags) {
            const keys = byTag.get(tag)
            if (keys === undefined) byTag.set(tag, new Set([key]))
            else keys.add(key)
          }
          return true
        },
      }
    },
    heard(events) {
      for (const event of events) {
        const touched = touchedBy(event.kind, event.payload)
        for (const id of touched.sessions) fall(tags.session(event.projectId, id))
        for (const id of touched.users) fall(tags.user(event.projectId, id))
        for (const id of touched.tokens) fall(tags.token(event.projectId, id))
        if (touched.project) fall(tags.project(event.projectId))
      }
    },
    reset() {
      sequence += 1
      lastReset = sequence
      entries.clear()
    },
    size: () => entries.size,
  }
}
