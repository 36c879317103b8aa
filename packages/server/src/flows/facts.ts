// What a flow knows: accepted answers and what the world replied, in order. Facts hold hashes, never secrets: a password
// is here as its argon2id hash, a one-time code not at all, and what must be shown again is sealed.
import type { LoginId } from '../identities/login_id.ts'
import type { Channel, OtpForm, Sending } from '../messaging/codes.ts'
import type { AttributeValue } from '../users/profile.ts'
import type { FlowType, LoginAuthentication, LoginIdentification, SignupAuthentication } from './config.ts'

export type { Channel, OtpForm, Sending } from '../messaging/codes.ts'
export type ClaimName = 'email' | 'phone_number'
export type Claim = { name: ClaimName; value: string }

/** A user as the flow met them; `finish` looks again. */
export type KnownUser = {
  id: string
  loginIds: (LoginId & { id: string })[]
  authenticators: KnownAuthenticator[]
  verified: Claim[]
  /** How the account is called towards its owner: a name, or a login ID. */
  displayName: string
  /** Recovery codes that are left; counted for those who have a second factor. */
  recoveryCodes?: number
  /** An administrator lets this user set up a second factor now. */
  graceOpen?: boolean
}
export type KnownAuthenticator = {
  id: string
  type: 'password' | 'oob_otp_email' | 'oob_otp_sms' | 'totp' | (string & {})
  kind: 'primary' | 'secondary'
  target: string | null
}

export type NewAuthenticator =
  | { type: 'password'; kind: 'primary' | 'secondary'; hash: string }
  | { type: 'oob_otp_email' | 'oob_otp_sms'; kind: 'primary' | 'secondary'; target: string }
  /** `step` is the time step whose code proved the set-up; it does not count again. */
  | { type: 'totp'; kind: 'secondary'; sealed: string; step: number }

/** `at` is the path of the step that the fact belongs to: step, branch, step …, such as `0/1/0`. */
export type Fact = { at: string } /** This flow goes on as another one. */ & (
  | { kind: 'became'; type: FlowType; name: string }
  | {
      kind: 'identified'
      branch: number
      identification: LoginIdentification
      /** Absent at sign-up, and when a recovery found nobody. */
      userId?: string
      /** The login ID as found, or as it will be made. */
      loginId?: LoginId
      identityId?: string
      /** As the person wrote it. */
      typed?: string
      /** The browser session that `select_account` goes on with, base64url of its id. */
      session?: string
      /** `sid` of the ID token that a re-authentication came with. */
      sid?: string
    }
  | { kind: 'user'; user: KnownUser }
  | {
      kind: 'chose'
      branch: number
      authentication: LoginAuthentication | SignupAuthentication
      /** Empty for an authenticator app. */
      target: string
      authenticatorId?: string
      /** The person wants this device to be trusted. */
      remember?: true
    }
  /** The shared secret of an authenticator app that is being set up. */
  | { kind: 'totp_secret'; sealed: string }
  | { kind: 'recovery_codes'; sealed: string }
  /** The browser was asked for a trusted device. */
  | { kind: 'device_looked_at' }
  | { kind: 'channel'; channel: Channel }
  /** The destination of a recovery. */
  | { kind: 'destination'; target: string; channel: Channel; form: OtpForm; masked: string }
  /** `again` counts resends, so that each is a fact of its own. */
  | { kind: 'sent'; sending: Sending; again: number }
  | { kind: 'verified'; claim: Claim }
  | {
      kind: 'authenticated'
      branch: number
      authentication: LoginAuthentication
      authenticatorId?: string
      target?: string
      /** Why this password must be changed now. */
      change?: 'policy' | 'expiry'
      /** The person wants this device to be trusted. */
      remember?: true
      /** The trusted device that stood in for the factor. */
      device?: string
    }
  | { kind: 'created'; branch: number; authentication: SignupAuthentication; authenticator: NewAuthenticator }
  | { kind: 'password_changed'; authenticatorId: string; hash: string }
  | { kind: 'recovery_verified' }
  /** `keepSessions` is what the person chose; left out, every session ends. */
  | { kind: 'password_reset'; hash: string; keepSessions?: boolean }
  | { kind: 'profile'; attributes: AttributeValue[] }
  | { kind: 'status_ok' }
  | { kind: 'other_sessions'; count: number }
  | { kind: 'confirmed' }
)

export type FactOf<K extends Fact['kind']> = Extract<Fact, { kind: K }>
