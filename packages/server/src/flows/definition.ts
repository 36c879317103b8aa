// A flow as it was when it began: its steps, those of the flows it may become, and the settings that its questions show.
// Pinned with the flow, so that a change of configuration never moves a step under a person's feet.
import type { PasswordPolicyConfig } from '../authenticators/config.ts'
import type { LoginIdType } from '../identities/config.ts'
import type { CustomAttribute } from '../users/config.ts'
import type { FlowType, StepConfig } from './config.ts'
import type { Channel, ClaimName, OtpForm } from './facts.ts'

export type Terms = {
  loginIdKeys: { key: string; type: LoginIdType }[]
  passwordPolicy: PasswordPolicyConfig
  emailOtpForm: OtpForm
  phoneChannels: Channel[]
  /** Claims that a person may verify. */
  verifiable: ClaimName[]
  customAttributes: CustomAttribute[]
  /** Whether a second factor may be set up at login now (authentication §1.2). */
  graceOpen: boolean
  /** Users have recovery codes. */
  recoveryCodes?: boolean
  /** A device may be trusted. */
  deviceTokens?: boolean
}

/** Where a flow came from; nothing of it is a secret. */
export type FlowContext = {
  /** Origin at which it began, and whose session it makes. */
  origin: string
  clientId?: string
  /** `x_max_concurrent_session: 1`. */
  oneSession?: boolean
  /** False when the application asked not to use the browser session. */
  browserSession: boolean
  /** The user whom an ID token hint names (re-authentication), with its `sid`. */
  hint?: { sub: string; sid?: string }
  /** The anonymous user who is being promoted. */
  anonymousUserId?: string
  /** The browser session that `select_account` offers; base64url of its id. */
  account?: { session: string; userId: string; displayName: string }
  uiLocales?: string
}

export type FlowSteps = { type: FlowType; name: string; steps: StepConfig[] }

export type Flow = FlowSteps & {
  /** Flows that this one may become. */
  others: FlowSteps[]
  terms: Terms
  context: FlowContext
}
