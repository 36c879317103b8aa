// A live grant named by its refresh token, looked at and not refreshed.
import { type Project, scopeOf } from '../projects/find.ts'
import { readCredential } from '../sessions/credential.ts'
import { judge } from '../sessions/resolve.ts'
import { rotation } from '../sessions/rotation.ts'
import { type FoundGrant, findGrant } from '../sessions/store.ts'
import type { World } from '../world.ts'

/**
 * The grant behind a refresh token; undefined when it is no token of ours, the session is over, or the token was
 * superseded so long ago that a refresh would end the family.
 */
export async function grantOfRefreshToken(
  world: World,
  project: Project,
  token: string,
): Promise<FoundGrant | undefined> {
  const credential = readCredential(token, { ring: project.ring, projectId: project.id })
  if (credential?.kind !== 'refresh_token') return undefined
  const found = await liveGrant(world, project, credential.id)
  if (found === undefined || !found.grant.has_refresh_token) return undefined
  const { generation, seen_generation: seenGeneration, rotated_at: rotatedAt } = found.grant
  const verdict = rotation(credential.generation, { generation, seenGeneration, rotatedAt }, world.clock.now())
  return verdict.kind === 'reuse' ? undefined : found
}

/** The grant under this id, if it is alive and its user may act. */
export async function liveGrant(world: World, project: Project, id: Buffer): Promise<FoundGrant | undefined> {
  const found = await findGrant(scopeOf(world.db, project), id)
  if (found === undefined) return undefined
  const { grant, user } = found
  const answer = { kind: 'offline_grant' as const, grant, user }
  const held = { kind: 'offline_grant' as const, generation: grant.generation, ...found, answer }
  return judge(held, project, world.clock.now()) ? found : undefined
}
