// Which anonymous user asks to become a normal one: by a key pair, by a promotion code, or by their session.
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { readAnonymousRequest } from '../identities/anonymous.ts'
import { findIdentity } from '../identities/store.ts'
import type { Node } from '../node.ts'
import type { LoginHint } from '../oauth/request.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import type { Session } from '../sessions/resolve.ts'
import { isAnonymous } from '../users/facts.ts'
import type { Instant } from '../world.ts'

type Hint = Extract<LoginHint, { type: 'anonymous' }>

/**
 * The anonymous user behind a hint, or behind the session when there is none. What the hint carries works once; the same
 * authorization request may ask again, since a page can be loaded twice.
 * @throws Refusal 401 `InvalidCredentials`.
 */
export async function anonymousUserOf(
  node: Node,
  project: Project,
  hint: Hint | undefined,
  by: { requestId: Buffer | null; session: Session | undefined },
): Promise<string> {
  const scope = scopeOf(node.world.db, project)
  const now = node.world.clock.now()
  if (hint?.jwt !== undefined) {
    const request = readAnonymousRequest(hint.jwt, now)
    const identity = request && (await findIdentity(scope, 'anonymous', request.keyId))
    const key = identity?.data.key as Record<string, unknown> | undefined
    if (request?.action === 'promote' && identity !== undefined && key !== undefined && request.signedBy(key)) {
      const challenge = await redeem(scope, 'challenge', request.challenge, by.requestId, now)
      if (challenge?.purpose === 'anonymous_request') return identity.user_id
    }
  } else if (hint?.promotionCode !== undefined) {
    const code = await redeem(scope, 'promotion_code', hint.promotionCode, by.requestId, now)
    if (typeof code?.user_id === 'string') return code.user_id
  } else if (by.session !== undefined && isAnonymous(by.session.user)) return by.session.user.id
  throw new Refusal({
    name: 'Unauthorized',
    reason: 'InvalidCredentials',
    message: 'invalid credentials',
    detail: 'no anonymous user stands behind this promotion',
  })
}

async function redeem(
  scope: ReturnType<typeof scopeOf>,
  kind: string,
  secret: string,
  requestId: Buffer | null,
  now: Instant,
): Promise<Record<string, unknown> | undefined> {
  const by = requestId?.toString('hex') ?? null
  const { rows } = await sql<{ data: Record<string, unknown> }>`
    update one_time_token set used_at = ${now}, data = data || jsonb_build_object('promoted_by', ${by}::text)
    where project_id = ${scope.projectId} and kind = ${kind} and id = ${createHash('sha256').update(secret).digest()} and expires_at > ${now}
      and (used_at is null or data ->> 'promoted_by' = ${by}::text)
    returning data`.execute(scope.query)
  return rows[0]?.data
}
