// Last access, written behind: gathered in memory, one statement a table every two seconds (D9).

import type { Logger } from '../log.ts'
import type { Query } from '../storage/database.ts'
import { type Touch, touch } from './store.ts'

export type LastAccess = {
  note(kind: 'idp_session' | 'offline_grant', touch: Touch): void
  flush(): Promise<void>
  start(): void
  stop(): Promise<void>
}

export const flushEvery = 2000
/** Above this many waiting touches the oldest are dropped: losing one only makes a session look older. */
const capacity = 100_000

export function lastAccess(query: Query, log: Logger): LastAccess {
  const waiting = { idp_session: new Map<string, Touch>(), offline_grant: new Map<string, Touch>() }
  let timer: NodeJS.Timeout | undefined

  async function flushTable(table: 'idp_session' | 'offline_grant') {
    const batch = [...waiting[table].values()]
    waiting[table].clear()
    for (let from = 0; from < batch.length; from += 1000) {
      const part = batch.slice(from, from + 1000)
      try {
        await touch(query, table, part)
      } catch (error) {
        log.warn({ err: error, sessions: batch.length - from }, 'last access not written; it will be tried again')
        for (const late of batch.slice(from)) note(table, late)
        return
      }
    }
  }

  function note(table: 'idp_session' | 'offline_grant', touch: Touch) {
    const map = waiting[table]
    const key = `${touch.projectId} ${touch.id.toString('latin1')}`
    const before = map.get(key)
    if (before === undefined && map.size >= capacity) map.delete(map.keys().next().value ?? '')
    map.set(
      key,
      before === undefined || before.at <= touch.at
        ? { ...touch, seenGeneration: Math.max(touch.seenGeneration, before?.seenGeneration ?? 0) }
        : before,
    )
  }

  async function flush() {
    await flushTable('idp_session')
    await flushTable('offline_grant')
  }

  return {
    note,
    flush,
    start() {
      timer = setInterval(() => void flush(), flushEvery)
      timer.unref()
    },
    async stop() {
      clearInterval(timer)
      await flush()
    },
  }
}
