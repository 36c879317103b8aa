// What a flow does next: asks a person, sends us on an errand, or is finished. The data of a question is the wire's own
// (authentication §3.6), so the API prints it and a page draws it.
import type { Refusal } from '../refusal.ts'
import type { FlowType, LoginAuthentication, LoginIdentification, SignupAuthentication, StepConfig } from './config.ts'
import type { Channel, Fact, OtpForm, Sending } from './facts.ts'

export type StepType = StepConfig['type']
export type Authentication = LoginAuthentication | SignupAuthentication

export type IdentifyOption =
  | { identification: Exclude<LoginIdentification, 'select_account'> }
  | { identification: 'select_account'; display_name: string; user_id: string }

/** False flags are left out. */
export type PasswordPolicyData = {
  minimum_length?: number
  uppercase_required?: true
  lowercase_required?: true
  alphabet_required?: true
  digit_required?: true
  symbol_required?: true
  minimum_zxcvbn_score?: number
  history?: { enabled: boolean; size?: number; days?: number }
  excluded_keywords?: string[]
}

export type AuthenticateOption = {
  authentication: Authentication
  otp_form?: OtpForm
  masked_display_name?: string
  channels?: Channel[]
}

export type CreateOption = {
  authentication: SignupAuthentication
  otp_form?: OtpForm
  channels?: Channel[]
  password_policy?: PasswordPolicyData
  /** Where the codes will go, when an earlier step decides it. */
  target?: { masked_display_name: string; verification_required: boolean }
}

export type DestinationOption = { masked_display_name: string; channel: Channel; otp_form: OtpForm }

/** What only the world knows of a code that is out; added when a question is shown. */
export type CodeState = {
  /** RFC 3339; in the past when a new code may be asked for at once. */
  can_resend_at: string
  failed_attempt_rate_limit_exceeded: boolean
  /** A link was opened and approved; `{"check": true}` will be accepted. */
  can_check: boolean
  delivery_status: 'sending' | 'sent' | 'failed'
  delivery_error?: string
}

export type VerifyOtpData = {
  type: 'verify_oob_otp_data'
  channel: Channel
  otp_form: OtpForm
  masked_claim_value: string
  /** 6 digits, or 32 characters of a link. */
  code_length: number
} & CodeState

export type VerifyRecoveryData = {
  type: 'account_recovery_verify_code_data'
  masked_display_name: string
  channel: Channel
  otp_form: OtpForm
  code_length: number
} & Pick<CodeState, 'can_resend_at' | 'failed_attempt_rate_limit_exceeded'>

export type CreateTotpData = { type: 'create_totp_data' /** Base32. */; secret: string; otpauth_uri: string }
export type ViewRecoveryCodeData = { type: 'view_recovery_code_data'; recovery_codes: string[] }

export type ActionData =
  | { type: 'identification_data'; options: IdentifyOption[] }
  | { type: 'authentication_data'; options: AuthenticateOption[]; device_token_enabled: boolean }
  | { type: 'create_authenticator_data'; options: CreateOption[] }
  | { type: 'select_oob_otp_channels_data'; channels: Channel[]; masked_claim_value: string }
  | VerifyOtpData
  | CreateTotpData
  | ViewRecoveryCodeData
  | {
      type: 'new_password_data'
      password_policy: PasswordPolicyData
      force_change_reason?: 'policy' | 'expiry'
      /** Whose password is reset. */
      masked_target?: string
    }
  | { type: 'account_recovery_identification_data'; options: { identification: 'email' | 'phone' | 'username' }[] }
  | { type: 'account_recovery_select_destination_data'; options: DestinationOption[] }
  | VerifyRecoveryData
  /** `fill_in_user_profile` and `terminate_other_sessions`. */
  | { type?: undefined }
  | { type?: undefined; finish_redirect_uri?: string }

/** What is asked, as the API prints it. */
export type Action = {
  type: StepType | 'finished'
  identification?: LoginIdentification
  authentication?: Authentication
  data: ActionData
}

type Incomplete<T> = T extends CodeState | Pick<CodeState, 'can_resend_at'>
  ? Omit<T, keyof CodeState>
  : T extends CreateTotpData | ViewRecoveryCodeData
    ? Pick<T, 'type'>
    : T
/** The data of a question before the state of its code is looked up, or what it shows is opened. */
export type AskedData = Incomplete<ActionData>

/** Needs a person. */
export type Question = {
  kind: 'question'
  /** Path of the step that asks. */
  at: string
  step: StepType
  /** Which of the step's questions this is. One input feeds each at most once. */
  stage: 'choose' | 'channel' | 'target' | 'code' | 'password' | 'confirm' | 'attributes'
  /** The flow that asks: `signup_login` has become one of the other two by its second question. */
  flow: { type: FlowType; name: string }
  identification?: LoginIdentification
  authentication?: Authentication
  data: AskedData
  /** The code that this question waits for. */
  waitsFor?: Sending
  /** A secret that is shown with it. */
  sealed?: string
}

/** Needs the world: run at once, once; leaves facts, or refuses. */
export type Errand = { kind: 'errand'; at: string } & (
  | { errand: 'meet_user'; userId: string }
  | { errand: 'send'; sending: Sending }
  | { errand: 'look_at_device'; userId: string; branch: number }
  | { errand: 'make_recovery_codes' }
  | { errand: 'check_status'; userId: string }
  | { errand: 'count_sessions'; userId: string; clientId: string }
  /** No person and no world can help. */
  | { errand: 'refuse'; refusal: ConstructorParameters<typeof Refusal>[0] }
)

export type Finished = { kind: 'finished'; flow: { type: FlowType; name: string }; facts: readonly Fact[] }

export type Turn = Question | Errand | Finished
