// What a presented refresh token earns. RFC 9700 §4.14 asks that reuse ends the family; a lost reply is commoner than a
// thief, so a replay that an honest client can cause earns the same successor again.
import type { Instant, Seconds } from '../world.ts'

export const repeatWindow: Seconds = 30

/** The grant's side: `rotatedAt` holds the times of the last four rotations, newest first. */
export type Generations = {
  generation: number
  /** The highest generation of which a token was seen: refreshed, or its access token presented. */
  seenGeneration: number
  rotatedAt: readonly Instant[]
}

export type Rotation =
  /** Move the generation on. */
  | { kind: 'rotate' }
  /** Answer with the successor that the first asker got. */
  | { kind: 'repeat'; successor: number }
  /** A copy is abroad: end the family. */
  | { kind: 'reuse' }

/** Decides by the presented generation, the grant's own, and the time since `presented` was superseded. */
export function rotation(presented: number, grant: Generations, now: Instant): Rotation {
  const behind = grant.generation - presented
  // A token ahead of its row is one that we signed and a failover forgot: its holder goes on.
  if (behind <= 0) return { kind: 'rotate' }
  const supersededAt = grant.rotatedAt[behind - 1]
  if (supersededAt !== undefined && now.getTime() - supersededAt.getTime() <= repeatWindow * 1000)
    return { kind: 'repeat', successor: presented + 1 }
  if (behind === 1 && grant.seenGeneration < grant.generation) return { kind: 'repeat', successor: grant.generation }
  return { kind: 'reuse' }
}
