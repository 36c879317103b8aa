// Appending to the log, always inside the transaction that makes the change: what is committed is announced, and
// nothing else is.
import { v7 as uuidv7 } from 'uuid'
import type { Scope, Tx } from '../storage/database.ts'
import type { Instant } from '../world.ts'
import type { EventKind, Events } from './kinds.ts'

/** Appends one event to the transaction. */
export async function append<K extends EventKind>(
  tx: Scope<Tx>,
  at: Instant,
  kind: K,
  payload: Events[K],
): Promise<void> {
  await tx.query
    .insertInto('event')
    .values(eventRow(tx.projectId, at, kind, payload))
    .execute()
}

/** The row of an event, for statements that insert it together with the change. */
export function eventRow<K extends EventKind>(projectId: string, at: Instant, kind: K, payload: Events[K]) {
  return { project_id: projectId, id: uuidv7(), at, kind, payload: JSON.stringify(payload) }
}
