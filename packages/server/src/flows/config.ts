/**
 * Authentication flows as a project writes them: `authentication_flow`. Reference: authentication §3.1.
 *
 * A flow is a list of steps; a step that asks offers branches (`one_of`); a branch may bring steps of its own, run before
 * the next sibling. The reference ignores unknown keys in here; we refuse them, since a misspelt step is a hole.
 * Whether a `target_step` or a flow's name leads anywhere is known only when it is reached, so `flowDoubts` merely tells.
 */
import { z } from 'zod'
import { distinct } from '../config/values.ts'
import { LinkingAction } from '../identities/config.ts'
import { BotProtectionMode, rateLimit } from '../limits/config.ts'

export const flowTypes = ['signup', 'promote', 'login', 'signup_login', 'reauth', 'account_recovery'] as const
export type FlowType = (typeof flowTypes)[number]

const Name = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/)

/** A flow named by its type, as client allowlists and groups do. */
export const FlowReference = z.strictObject({ type: z.enum(flowTypes), name: Name })
export type FlowReference = z.output<typeof FlowReference>

// ---- what the types look like -------------------------------------------------------------------------------------
// Written out, because branches hold steps and steps hold branches, and the engine reads exactly these.

type Optional<T> = T | undefined

export type SignupIdentification = 'email' | 'phone' | 'username' | 'oauth' | 'passkey' | 'ldap'
export type LoginIdentification = SignupIdentification | 'id_token' | 'select_account'
export type RecoveryIdentification = 'email' | 'phone' | 'username'

export type SignupAuthentication =
  | 'primary_password'
  | 'primary_oob_otp_email'
  | 'primary_oob_otp_sms'
  | 'secondary_password'
  | 'secondary_totp'
  | 'secondary_oob_otp_email'
  | 'secondary_oob_otp_sms'
export type ReauthAuthentication = SignupAuthentication | 'primary_passkey'
export type LoginAuthentication = ReauthAuthentication | 'recovery_code' | 'device_token'

export type BotProtection = { mode: BotProtectionMode }
export type LinkingOverride = { name: string; action?: Optional<LinkingAction>; login_flow?: Optional<string> }

/** `name` and `steps` of a flow. */
type Flow<Step> = { name: string; steps: Step[] }
type Named = { name?: Optional<string> }

export type SignupIdentifyBranch = {
  identification: SignupIdentification
  bot_protection?: Optional<BotProtection>
  account_linking?: Optional<{ oauth: LinkingOverride[]; login_id: LinkingOverride[] }>
  steps: SignupStepConfig[]
}
export type SignupAuthenticatorBranch = {
  authentication: SignupAuthentication
  bot_protection?: Optional<BotProtection>
  target_step?: Optional<string>
  verification_required: boolean
  steps: SignupStepConfig[]
}
export type SignupStepConfig = Named &
  (
    | { type: 'identify'; one_of: SignupIdentifyBranch[] }
    | { type: 'create_authenticator'; one_of: SignupAuthenticatorBranch[] }
    | { type: 'verify'; target_step: string }
    | { type: 'fill_in_user_profile'; user_profile: { pointer: string; required: boolean }[] }
    | { type: 'view_recovery_code' }
    | { type: 'prompt_create_passkey' }
  )
/** Also the shape of promote flows. */
export type SignupFlowConfig = Flow<SignupStepConfig>

export type LoginIdentifyBranch = {
  identification: LoginIdentification
  bot_protection?: Optional<BotProtection>
  steps: LoginStepConfig[]
}
export type LoginAuthenticateBranch = {
  authentication: LoginAuthentication
  bot_protection?: Optional<BotProtection>
  target_step?: Optional<string>
  steps: LoginStepConfig[]
}
export type LoginStepConfig = Named &
  (
    | { type: 'identify'; one_of: LoginIdentifyBranch[] }
    | { type: 'authenticate'; one_of: LoginAuthenticateBranch[]; optional: boolean }
    | { type: 'check_account_status' }
    | { type: 'terminate_other_sessions' }
    | { type: 'change_password'; target_step: string }
    | { type: 'prompt_create_passkey' }
  )
export type LoginFlowConfig = Flow<LoginStepConfig>

export type SignupLoginBranch = { bot_protection?: Optional<BotProtection> } & (
  | { identification: Exclude<LoginIdentification, 'select_account'>; signup_flow: string; login_flow: string }
  | { identification: 'select_account'; login_flow: string }
)
export type SignupLoginStepConfig = Named & { type: 'identify'; one_of: SignupLoginBranch[] }
export type SignupLoginFlowConfig = Flow<SignupLoginStepConfig>

export type ReauthIdentifyBranch = {
  identification: 'id_token'
  bot_protection?: Optional<BotProtection>
  steps: ReauthStepConfig[]
}
export type ReauthAuthenticateBranch = {
  authentication: ReauthAuthentication
  bot_protection?: Optional<BotProtection>
  steps: ReauthStepConfig[]
}
export type ReauthStepConfig = Named &
  ({ type: 'identify'; one_of: ReauthIdentifyBranch[] } | { type: 'authenticate'; one_of: ReauthAuthenticateBranch[] })
export type ReauthFlowConfig = Flow<ReauthStepConfig>

export type RecoveryChannel =
  | { channel: 'email'; otp_form: 'code' | 'link' }
  | { channel: 'sms'; otp_form: 'code' | 'link' }
  | { channel: 'whatsapp'; otp_form: 'code' }
export type RecoveryIdentifyBranch = {
  identification: RecoveryIdentification
  on_failure: 'error' | 'ignore'
  bot_protection?: Optional<BotProtection>
  steps: RecoveryStepConfig[]
}
export type RecoveryStepConfig = Named &
  (
    | { type: 'identify'; one_of: RecoveryIdentifyBranch[] }
    | { type: 'select_destination'; enumerate_destinations: boolean; allowed_channels: RecoveryChannel[] }
    | { type: 'verify_account_recovery_code' }
    | { type: 'reset_password' }
  )
export type RecoveryFlowConfig = Flow<RecoveryStepConfig>

/** By flow type, for code that is general over them. */
export type FlowConfigs = {
  signup: SignupFlowConfig
  promote: SignupFlowConfig
  login: LoginFlowConfig
  signup_login: SignupLoginFlowConfig
  reauth: ReauthFlowConfig
  account_recovery: RecoveryFlowConfig
}
export type FlowConfig = FlowConfigs[FlowType]
export type StepConfig = FlowConfig['steps'][number]
export type BranchConfig = Extract<StepConfig, { one_of: unknown }>['one_of'][number]

// ---- how they are checked -----------------------------------------------------------------------------------------

const named = { name: Name.optional().meta({ title: 'Name', description: 'By which other steps refer to this one.' }) }
const bot_protection = z.strictObject({ mode: BotProtectionMode }).optional().meta({ title: 'Bot protection' })
const target_step = Name.meta({ title: 'Target', description: 'The name of an earlier step.' })

const signupAuthentications = [
  'primary_password',
  'primary_oob_otp_email',
  'primary_oob_otp_sms',
  'secondary_password',
  'secondary_totp',
  'secondary_oob_otp_email',
  'secondary_oob_otp_sms',
] as const
const loginIdentifications = ['email', 'phone', 'username', 'oauth', 'passkey', 'ldap', 'id_token'] as const

/** Steps within a branch; none when left out. */
function nested<T>(step: () => z.ZodType<T>): z.ZodType<T[]> {
  return z
    .lazy(() => z.array(step()))
    .prefault([])
    .meta({ title: 'Steps', description: 'That follow when this branch is taken.' })
}

function flow<T>(step: z.ZodType<T>) {
  return z.strictObject({
    name: Name.meta({ title: 'Name', description: 'default replaces the built-in flow.' }),
    steps: z.array(step).min(1),
  })
}

const Override = z.strictObject({
  name: z.string().min(1),
  action: LinkingAction.optional(),
  login_flow: Name.optional(),
})

const SignupStep: z.ZodType<SignupStepConfig> = z
  .discriminatedUnion('type', [
    z.strictObject({
      ...named,
      type: z.literal('identify'),
      one_of: z
        .array(
          z.strictObject({
            identification: z.enum(['email', 'phone', 'username', 'oauth', 'passkey', 'ldap']),
            bot_protection,
            account_linking: z
              .strictObject({ oauth: z.array(Override).default([]), login_id: z.array(Override).default([]) })
              .optional(),
            steps: nested(() => SignupStep),
          }),
        )
        .min(1),
    }),
    z.strictObject({
      ...named,
      type: z.literal('create_authenticator'),
      one_of: z
        .array(
          z.strictObject({
            authentication: z.enum(signupAuthentications),
            bot_protection,
            target_step: target_step.optional(),
            verification_required: z.boolean().default(true),
            steps: nested(() => SignupStep),
          }),
        )
        .min(1),
    }),
    z.strictObject({ ...named, type: z.literal('verify'), target_step }),
    z.strictObject({
      ...named,
      type: z.literal('fill_in_user_profile'),
      user_profile: z
        .array(z.strictObject({ pointer: z.string().regex(/^(\/[^/]+)+$/), required: z.boolean() }))
        .min(1),
    }),
    z.strictObject({ ...named, type: z.literal('view_recovery_code') }),
    z.strictObject({ ...named, type: z.literal('prompt_create_passkey') }),
  ])
  .meta({ id: 'SignupStep', title: 'Sign-up step' })

const LoginStep: z.ZodType<LoginStepConfig> = z
  .discriminatedUnion('type', [
    z.strictObject({
      ...named,
      type: z.literal('identify'),
      one_of: z
        .array(
          z.strictObject({
            identification: z.enum([...loginIdentifications, 'select_account']),
            bot_protection,
            steps: nested(() => LoginStep),
          }),
        )
        .min(1),
    }),
    z.strictObject({
      ...named,
      type: z.literal('authenticate'),
      optional: z.boolean().default(false),
      one_of: z
        .array(
          z.strictObject({
            authentication: z.enum([...signupAuthentications, 'primary_passkey', 'recovery_code', 'device_token']),
            bot_protection,
            target_step: target_step.optional(),
            steps: nested(() => LoginStep),
          }),
        )
        .min(1),
    }),
    z.strictObject({ ...named, type: z.literal('check_account_status') }),
    z.strictObject({ ...named, type: z.literal('terminate_other_sessions') }),
    z.strictObject({ ...named, type: z.literal('change_password'), target_step }),
    z.strictObject({ ...named, type: z.literal('prompt_create_passkey') }),
  ])
  .meta({ id: 'LoginStep', title: 'Login step' })

const SignupLoginStep: z.ZodType<SignupLoginStepConfig> = z
  .discriminatedUnion('type', [
    z.strictObject({
      ...named,
      type: z.literal('identify'),
      one_of: z
        .array(
          z.discriminatedUnion('identification', [
            z.strictObject({
              identification: z.enum(loginIdentifications),
              bot_protection,
              signup_flow: Name,
              login_flow: Name,
            }),
            z.strictObject({ identification: z.literal('select_account'), bot_protection, login_flow: Name }),
          ]),
        )
        .min(1),
    }),
  ])
  .meta({ id: 'SignupLoginStep', title: 'Sign-up or login step' })

const ReauthStep: z.ZodType<ReauthStepConfig> = z
  .discriminatedUnion('type', [
    z.strictObject({
      ...named,
      type: z.literal('identify'),
      one_of: z
        .array(
          z.strictObject({ identification: z.literal('id_token'), bot_protection, steps: nested(() => ReauthStep) }),
        )
        .min(1),
    }),
    z.strictObject({
      ...named,
      type: z.literal('authenticate'),
      one_of: z
        .array(
          z.strictObject({
            authentication: z.enum([...signupAuthentications, 'primary_passkey']),
            bot_protection,
            steps: nested(() => ReauthStep),
          }),
        )
        .min(1),
    }),
  ])
  .meta({ id: 'ReauthStep', title: 'Reauthentication step' })

const RecoveryChannel = z.discriminatedUnion('channel', [
  z.strictObject({ channel: z.literal('email'), otp_form: z.enum(['code', 'link']) }),
  z.strictObject({ channel: z.literal('sms'), otp_form: z.enum(['code', 'link']) }),
  z.strictObject({ channel: z.literal('whatsapp'), otp_form: z.literal('code') }),
])

/** All that exist, in the order they are offered when a step names none. */
export const recoveryChannels: readonly RecoveryChannel[] = [
  { channel: 'email', otp_form: 'link' },
  { channel: 'email', otp_form: 'code' },
  { channel: 'sms', otp_form: 'code' },
  { channel: 'sms', otp_form: 'link' },
  { channel: 'whatsapp', otp_form: 'code' },
]

const RecoveryStep: z.ZodType<RecoveryStepConfig> = z
  .discriminatedUnion('type', [
    z.strictObject({
      ...named,
      type: z.literal('identify'),
      one_of: z
        .array(
          z.strictObject({
            identification: z.enum(['email', 'phone', 'username']),
            on_failure: z
              .enum(['error', 'ignore'])
              .default('ignore')
              .meta({ description: 'error tells an unknown user so; ignore goes on as if.' }),
            bot_protection,
            steps: nested(() => RecoveryStep),
          }),
        )
        .min(1),
    }),
    z.strictObject({
      ...named,
      type: z.literal('select_destination'),
      enumerate_destinations: z
        .boolean()
        .default(false)
        .meta({ description: 'Shows the masked addresses and numbers of the account.' }),
      allowed_channels: z
        .array(RecoveryChannel)
        .prefault([])
        .transform((channels) => (channels.length > 0 ? channels : [...recoveryChannels])),
    }),
    z.strictObject({ ...named, type: z.literal('verify_account_recovery_code') }),
    z.strictObject({ ...named, type: z.literal('reset_password') }),
  ])
  .meta({ id: 'RecoveryStep', title: 'Account recovery step' })

function flows<T>(step: z.ZodType<T>) {
  return z
    .array(flow(step))
    .min(1)
    .superRefine(distinct<{ name: string }>((one) => one.name, 'name'))
    .default([])
}

export const AuthenticationFlowConfig = z
  .strictObject({
    signup_flows: flows(SignupStep),
    promote_flows: flows(SignupStep),
    login_flows: flows(LoginStep),
    signup_login_flows: flows(SignupLoginStep),
    reauth_flows: flows(ReauthStep),
    account_recovery_flows: flows(RecoveryStep),
    rate_limits: z.strictObject({ per_ip: rateLimit([1200, '1m']) }).prefault({}),
  })
  .prefault({})
  .meta({ title: 'Authentication flows', description: 'Replaces or adds to the flows made from the other sections.' })
export type AuthenticationFlowConfig = z.output<typeof AuthenticationFlowConfig>

// ---- what may lead nowhere ----------------------------------------------------------------------------------------

/** Whether `type`/`name` can be started: `default` always, others when written. */
export function flowExists(config: AuthenticationFlowConfig, type: FlowType, name: string): boolean {
  return name === 'default' || config[`${type}_flows`].some((one) => one.name === name)
}

export type FlowDoubt = { path: PropertyKey[]; message: string }

/** References that no run could follow: steps and flows that do not exist. Paths are relative to `authentication_flow`. */
export function flowDoubts(config: AuthenticationFlowConfig): FlowDoubt[] {
  const doubts: FlowDoubt[] = []
  const doubt = (path: PropertyKey[], message: string) => doubts.push({ path, message })
  for (const type of flowTypes) {
    config[`${type}_flows`].forEach((one, index) => {
      const visits = [...walk(one.steps, [`${type}_flows`, index, 'steps'])]
      const names = new Set(visits.map(({ item }) => item.name))
      for (const { item, path } of visits) {
        const { target_step, signup_flow, login_flow, account_linking } = item
        if (target_step !== undefined && !names.has(target_step))
          doubt([...path, 'target_step'], `no step is named ${target_step}`)
        if (signup_flow !== undefined && !flowExists(config, 'signup', signup_flow)) {
          doubt([...path, 'signup_flow'], `no signup flow is named ${signup_flow}`)
        }
        const jumps = [
          { login_flow, path },
          ...(['oauth', 'login_id'] as const).flatMap((kind) =>
            (account_linking?.[kind] ?? []).map((rule, at) => ({
              login_flow: rule.login_flow,
              path: [...path, 'account_linking', kind, at],
            })),
          ),
        ]
        for (const jump of jumps) {
          if (jump.login_flow === undefined || flowExists(config, 'login', jump.login_flow)) continue
          doubt([...jump.path, 'login_flow'], `no login flow is named ${jump.login_flow}`)
        }
      }
    })
  }
  return doubts
}

/** A step or a branch, seen only for what it refers to. */
type Visited = {
  name?: Optional<string>
  target_step?: Optional<string>
  signup_flow?: Optional<string>
  login_flow?: Optional<string>
  account_linking?: Optional<{ oauth: LinkingOverride[]; login_id: LinkingOverride[] }>
  one_of?: readonly Visited[]
  steps?: readonly Visited[]
}

function* walk(items: readonly Visited[], path: PropertyKey[]): Generator<{ item: Visited; path: PropertyKey[] }> {
  for (const [index, item] of items.entries()) {
    const here = [...path, index]
    yield { item, path: here }
    yield* walk(item.one_of ?? [], [...here, 'one_of'])
    yield* walk(item.steps ?? [], [...here, 'steps'])
  }
}
