// Every event and its payload. Names are the reference's where it has one (management §3.3, §4).

/** Sessions that ended together: public ids, base64url. `exp` (Unix seconds) is when the last JWT of a grant expires. */
export type EndedSessions = {
  user_id: string
  reason: string
  idp_sessions: string[]
  grants: { id: string; client_id: string; origin: string; exp?: number }[]
}

/** Changes through the Admin API by name, and what each leaves in the audit trail (management §4). */
export type AdminMutation =
  | 'create_user'
  | 'update_user'
  | 'delete_user'
  | 'set_disabled_status'
  | 'set_account_valid_from'
  | 'set_account_valid_until'
  | 'set_account_valid_period'
  | 'reset_password'
  | 'revoke_session'
  | 'revoke_all_sessions'
  | 'delete_authorization'
  | 'set_mfa_grace_period'
  | 'remove_mfa_grace_period'
  | 'reset_account_lockout'
  | 'delete_authenticator'
  | 'resend_backchannel_logout'
type AdminEvents = {
  [Name in AdminMutation as `admin_api.mutation.${Name}.executed`]: {
    user_id: string
    audit_context?: Record<string, unknown>
  }
}

export type Events = AdminEvents & {
  'project.created': { version: number }
  /** `exp` (Unix seconds) is when the last JWT of a removed client expires. */
  'project.updated': { version: number; removed_clients?: { client_id: string; exp: number }[] }
  'project.deleted': Record<string, never>
  'project.keys.rotated': { algorithms: string[] }
  'user.created': { user_id: string }
  'user.authenticated': {
    user_id: string
    idp_session_id?: string
    grant_id?: string
    client_id?: string
    amr: string[]
  }
  'user.reauthenticated': { user_id: string; idp_session_id?: string; grant_id?: string }
  'user.profile.updated': { user_id: string }
  'user.disabled': {
    user_id: string
    reason?: string
    temporarily_disabled_from?: string
    temporarily_disabled_until?: string
  }
  'user.reenabled': { user_id: string }
  'user.account_valid_period.updated': {
    user_id: string
    account_valid_from: string | null
    account_valid_until: string | null
  }
  'user.deletion_scheduled': { user_id: string; delete_at: string; by: 'end_user' | 'admin_api' }
  'user.deleted': { user_id: string; reason?: string }
  'user.anonymous.promoted': { anonymous_user_id: string; user_id: string }
  'user.signed_out': EndedSessions
  'user.session.terminated': EndedSessions & { termination_type: 'individual' | 'all' | 'all_except_current' }
  'session.reuse_detected': EndedSessions
  /** A grant says more than before, such as a newer `auth_time`. */
  'session.updated': { user_id: string; grant_id: string }
  'session.created': { user_id: string; idp_session_id?: string; grant_id?: string; client_id?: string }
  'access_token.revoked': { token_id: string; grant_id: string; exp: number; jwt: boolean }
  'authorization.granted': { user_id: string; client_id: string; scopes: string[] }
  'authorization.removed': { user_id: string; client_id: string }
  'identity.added': { user_id: string; identity_id: string; type: string }
  'identity.updated': { user_id: string; identity_id: string; type: string }
  'identity.removed': { user_id: string; identity_id: string; type: string }
  'identity.verified': { user_id: string; name: string }
  'identity.unverified': { user_id: string; name: string }
  'authenticator.added': { user_id: string; authenticator_id: string; type: string; kind: string }
  'authenticator.updated': { user_id: string; authenticator_id: string; type: string; kind: string }
  'authenticator.removed': { user_id: string; authenticator_id: string; type: string; kind: string }
  'authentication.failed': { user_id?: string; factor: string; reason: string; login_id_type?: string }
}

export type EventKind = keyof Events

/** What a node's caches must forget on hearing of an event. */
export type Touched = { users: string[]; sessions: string[]; tokens: string[]; project: boolean }

/** Kinds whose payload is `EndedSessions`. */
export const endings: ReadonlySet<string> = new Set([
  'user.signed_out',
  'user.session.terminated',
  'session.reuse_detected',
])
const harmless: ReadonlySet<string> = new Set([
  'user.authenticated',
  'session.created',
  'authentication.failed',
  'user.created',
])

/** Reads an event for the caches. An unknown kind of a newer release touches its whole user, or its whole project. */
export function touchedBy(kind: string, payload: Record<string, unknown>): Touched {
  const none: Touched = { users: [], sessions: [], tokens: [], project: false }
  // What an administrator did is told by the events of the change itself.
  if (harmless.has(kind) || kind.startsWith('admin_api.')) return none
  if (endings.has(kind)) {
    const ended = payload as unknown as EndedSessions
    return { ...none, sessions: [...ended.idp_sessions, ...ended.grants.map((grant) => grant.id)] }
  }
  if (kind === 'access_token.revoked')
    return { ...none, tokens: [String(payload.token_id)], sessions: [String(payload.grant_id)] }
  if (kind.startsWith('project.')) return { ...none, project: true }
  const users = [payload.user_id, payload.anonymous_user_id].filter((id) => typeof id === 'string')
  return users.length > 0 ? { ...none, users } : { ...none, project: true }
}
