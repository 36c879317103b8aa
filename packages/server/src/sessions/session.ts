// When a session or a grant is alive: lifetime, idleness, and what its client's configuration says today.
import type { ClientConfig, Config } from '../config/schema.ts'
import { after, type Instant, type Seconds } from '../world.ts'

export type Lifetimes = { lifetime: Seconds; idle: Seconds | undefined }

export function browserLifetimes(session: Config['session']): Lifetimes {
  return {
    lifetime: session.lifetime_seconds,
    idle: session.idle_timeout_enabled ? session.idle_timeout_seconds : undefined,
  }
}

/** A grant without a refresh token lives as long as its access tokens. */
export function grantLifetimes(client: ClientConfig, hasRefreshToken: boolean): Lifetimes {
  if (!hasRefreshToken) return { lifetime: client.access_token_lifetime_seconds, idle: undefined }
  return {
    lifetime: client.refresh_token_lifetime_seconds,
    idle: client.refresh_token_idle_timeout_enabled ? client.refresh_token_idle_timeout_seconds : undefined,
  }
}

/**
 * How stale a stored last access may be (D9): it is written only when older than this, so readers allow the same.
 */
export function accessSlack(idle: Seconds | undefined): Seconds {
  return idle === undefined ? 300 : Math.min(300, Math.max(5, idle / 20))
}

export type Times = { created_at: Date; last_access_at: Date; ended_at: Date | null }

/** When the session dies if nobody touches it. */
export function diesAt(times: Times, lifetimes: Lifetimes): Instant {
  return new Date(deathOf(times, lifetimes))
}

/** The same in milliseconds: every request asks, and dates are dear. */
function deathOf(times: Times, { lifetime, idle }: Lifetimes): number {
  const absolute = times.created_at.getTime() + lifetime * 1000
  if (idle === undefined) return absolute
  return Math.min(absolute, times.last_access_at.getTime() + (idle + accessSlack(idle)) * 1000)
}

/** `isAlive` turned round: what a row's times must be after, for a statement that checks while it writes. */
export function aliveBounds(
  lifetimes: Lifetimes,
  now: Instant,
): { createdAfter: Instant; accessedAfter: Instant | null } {
  const { idle } = lifetimes
  return {
    createdAfter: after(now, -lifetimes.lifetime),
    accessedAfter: idle === undefined ? null : after(now, -(idle + accessSlack(idle))),
  }
}

export function isAlive(times: Times, lifetimes: Lifetimes, now: Instant): boolean {
  return times.ended_at === null && now.getTime() < deathOf(times, lifetimes)
}

/**
 * Whether a grant may be used with another key than it was bound to: the client has DPoP off, or it binds each access
 * token and authenticates, so that its refresh tokens are its own already and its keys may change (RFC 9449 §5).
 */
export function ignoresKey(client: ClientConfig): boolean {
  return client.x_dpop_disabled || (client.dpop_bound_access_tokens && isConfidential(client))
}

function isConfidential({ x_application_type: type }: ClientConfig): boolean {
  return type === 'confidential' || type === 'third_party_app'
}

export type RotationMode = 'always' | 'unbound' | 'never'

/**
 * D4: RFC 9700 asks public clients to rotate or to bind. The client's explicit word is obeyed; without one, refresh
 * tokens of public clients rotate unless they are bound to a DPoP key, and confidential clients' do not.
 */
export function rotationMode(client: ClientConfig): RotationMode {
  if (client.refresh_token_rotation_enabled !== undefined)
    return client.refresh_token_rotation_enabled ? 'always' : 'never'
  return isConfidential(client) ? 'never' : 'unbound'
}
