// Where a reader stands in the log. A row is new to a reader when its transaction was still open, or not yet begun, in
// the snapshot that the reader saw last. So a commit that comes late or out of order is read exactly when it becomes
// visible, and a transaction that stays open, in whatever database of the cluster, holds up nothing.

/** `system` is the cluster's identifier; `snapshot` is PostgreSQL's own text `xmin:xmax:xip,xip…`. */
export type Cursor = { system: string; snapshot: string }

export type SnapshotParts = { xmax: string; open: string[] }

export function parseSnapshot(snapshot: string): SnapshotParts {
  const [, xmax, list] = snapshot.split(':')
  if (xmax === undefined || list === undefined) throw new Error('not a snapshot')
  return { xmax, open: list === '' ? [] : list.split(',') }
}

/** Whether a row of transaction `xid` was out of sight of the cursor's snapshot. The SQL condition says the same. */
export function isNew(xid: string, cursor: SnapshotParts): boolean {
  return BigInt(xid) >= BigInt(cursor.xmax) || cursor.open.includes(xid)
}

/**
 * Whether what a poll saw continues the cursor's history. Not so after a failover to another cluster or a restore to an
 * earlier state; then everything remembered from the log must be forgotten.
 */
export function continues(cursor: Cursor, seen: Cursor): boolean {
  if (cursor.system !== seen.system) return false
  return BigInt(parseSnapshot(seen.snapshot).xmax) >= BigInt(parseSnapshot(cursor.snapshot).xmax)
}
