// What the resolver says of a live session (wire contract §2.9).
import type { Config } from '../config/schema.ts'
import type { Session } from '../sessions/resolve.ts'
import { canReauthenticate, isAnonymous, isVerified } from '../users/facts.ts'

export function sessionHeaders(session: Session, config: Config): Record<string, string> {
  const { user } = session
  const node = session.kind === 'idp' ? session.session : session.grant
  return {
    'x-authgear-session-valid': 'true',
    'x-authgear-user-id': user.id,
    'x-authgear-user-anonymous': String(isAnonymous(user)),
    'x-authgear-user-verified': String(isVerified(user, config.verification)),
    'x-authgear-session-amr': node.amr.join(' '),
    'x-authgear-session-authenticated-at': String(Math.floor(node.auth_time.getTime() / 1000)),
    'x-authgear-user-can-reauthenticate': String(canReauthenticate(user)),
    ...(user.roles.length > 0 ? { 'x-authgear-user-roles': user.roles.join(',') } : {}),
  }
}
