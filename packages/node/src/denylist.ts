// Sessions that ended while their cookies may still be about: a cookie cannot be taken back, so it is remembered.
import type { Identity } from './held.ts'

/** What has ended: one session, the sessions of one `sid`, or those of one user that began by a certain time. */
export type Ended = { id: string } | { sid: string } | { sub: string; until: Date }

/** Where ended sessions are remembered. Share one among processes, or each knows only what it was told itself. */
export type Denylist = {
  /** Bars sessions under `name` that began before `before`, and may forget it after `expires`. */
  deny(name: string, before: Date, expires: Date): Promise<void>
  /** Whether any of the names bars a session that began at `began`. @throws when it cannot be known. */
  denied(names: readonly string[], began: Date): Promise<boolean>
}

/** Whatever access token a session may still hold has run out by then, and renewal gives the verdict. */
const keptMs = 86_400_000
const forever = new Date('9999-12-31')

/** A denylist in this process, which forgets the oldest beyond `limit` entries. */
export function memoryDenylist(now: () => Date, limit = 100_000): Denylist {
  const entries = new Map<string, { before: Date; expires: Date }>()
  return {
    async deny(name, before, expires) {
      const held = entries.get(name)
      entries.delete(name)
      entries.set(name, { before: held !== undefined && held.before > before ? held.before : before, expires })
      for (const [oldest, entry] of entries) {
        if (entries.size <= limit && entry.expires > now()) break
        entries.delete(oldest)
      }
    },
    async denied(names, began) {
      return names.some((name) => {
        const entry = entries.get(name)
        return entry !== undefined && entry.expires > now() && began < entry.before
      })
    },
  }
}

export function denyEnded(denylist: Denylist, ended: Ended, now: Date): Promise<void> {
  const expires = new Date(now.getTime() + keptMs)
  if ('id' in ended) return denylist.deny(`id ${ended.id}`, forever, expires)
  if ('sid' in ended) return denylist.deny(`sid ${ended.sid}`, forever, expires)
  return denylist.deny(`sub ${ended.sub}`, ended.until, expires)
}

export function isDenied(denylist: Denylist, { id, sid, sub, signedInAt }: Identity): Promise<boolean> {
  const names = [`id ${id}`, `sub ${sub}`, ...(sid === undefined ? [] : [`sid ${sid}`])]
  return denylist.denied(names, new Date(signedInAt))
}
