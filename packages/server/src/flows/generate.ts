// The flows that a project has without writing any (authentication §3.3), made from the rest of its configuration, and
// where a written one is found instead (§3.2).
import type { ClientConfig, Config } from '../config/schema.ts'
import type { LoginIdType } from '../identities/config.ts'
import { Refusal } from '../refusal.ts'
import type { Instant } from '../world.ts'
import type {
  FlowConfig,
  FlowType,
  LoginAuthenticateBranch,
  LoginFlowConfig,
  LoginIdentifyBranch,
  LoginStepConfig,
  ReauthFlowConfig,
  RecoveryFlowConfig,
  SignupAuthenticatorBranch,
  SignupFlowConfig,
  SignupIdentifyBranch,
  SignupLoginFlowConfig,
  SignupStepConfig,
  StepConfig,
} from './config.ts'
import type { FlowSteps, Terms } from './definition.ts'
import type { Channel, ClaimName } from './facts.ts'

const claimOf: Partial<Record<LoginIdType, ClaimName>> = { email: 'email', phone: 'phone_number' }

/** Types of login ID in the order of their keys, each once. */
function loginIdTypes(config: Config): LoginIdType[] {
  if (!config.authentication.identities.includes('login_id')) return []
  return [...new Set(config.identity.login_id.keys.map((key) => key.type))]
}

type Factor = 'password' | 'oob_otp_email' | 'oob_otp_sms'
type SecondFactor = Factor | 'totp'

/** First factors that a login ID of this type can lead to (authentication §1.2). */
function primaryFor(config: Config, type: LoginIdType): Factor[] {
  const fitting: Record<LoginIdType, string[]> = {
    email: ['password', 'oob_otp_email'],
    phone: ['password', 'oob_otp_sms'],
    username: ['password'],
  }
  return config.authentication.primary_authenticators.filter((one): one is Factor => fitting[type].includes(one))
}

function secondary(config: Config): readonly SecondFactor[] {
  const { secondary_authentication_mode, secondary_authenticators } = config.authentication
  return secondary_authentication_mode === 'disabled' ? [] : secondary_authenticators
}

// ---- sign-up ------------------------------------------------------------------------------------------------------

function signupFlow(config: Config): SignupFlowConfig {
  const one_of = loginIdTypes(config).map((type): SignupIdentifyBranch => {
    const claim = claimOf[type]
    const verification = claim && config.verification.claims[claim]
    const steps: SignupStepConfig[] = []
    if (verification?.enabled && verification.required) steps.push({ type: 'verify', target_step: 'signup_identify' })
    const primary = primaryFor(config, type)
    if (primary.length > 0)
      steps.push({
        name: `authenticate_primary_${type}`,
        type: 'create_authenticator',
        one_of: primary.map(
          (factor): SignupAuthenticatorBranch => ({
            authentication: `primary_${factor}`,
            ...(factor === 'password' ? {} : { target_step: 'signup_identify' }),
            verification_required: true,
            steps: [],
          }),
        ),
      })
    const second = secondary(config)
    if (config.authentication.secondary_authentication_mode === 'required' && second.length > 0)
      steps.push({
        name: `authenticate_secondary_${type}`,
        type: 'create_authenticator',
        one_of: second.map(
          (factor): SignupAuthenticatorBranch => ({
            authentication: `secondary_${factor}`,
            verification_required: true,
            steps: config.authentication.recovery_code.disabled ? [] : [{ type: 'view_recovery_code' }],
          }),
        ),
      })
    return { identification: type, steps }
  })
  return { name: 'default', steps: [{ name: 'signup_identify', type: 'identify', one_of }] }
}

// ---- login --------------------------------------------------------------------------------------------------------

function loginFlow(config: Config): LoginFlowConfig {
  const byLoginId = loginIdTypes(config).map((type): LoginIdentifyBranch => {
    const second = secondStep(config, type)
    const target = `authenticate_primary_${type}`
    return {
      identification: type,
      steps: [
        {
          name: target,
          type: 'authenticate',
          optional: false,
          one_of: primaryFor(config, type).map(
            (factor): LoginAuthenticateBranch =>
              factor === 'password'
                ? {
                    authentication: 'primary_password',
                    steps: [...second, { type: 'change_password', target_step: target }],
                  }
                : { authentication: `primary_${factor}`, target_step: 'login_identify', steps: second },
          ),
        },
      ],
    }
  })
  return {
    name: 'default',
    steps: [
      {
        name: 'login_identify',
        type: 'identify',
        one_of: [{ identification: 'select_account', steps: [] }, ...byLoginId],
      },
      { type: 'check_account_status' },
      { type: 'terminate_other_sessions' },
    ],
  }
}

function secondStep(config: Config, type: LoginIdType): LoginStepConfig[] {
  const second = secondary(config)
  const { recovery_code, device_token } = config.authentication
  if (second.length === 0) return []
  return [
    {
      name: `authenticate_secondary_${type}`,
      type: 'authenticate',
      optional: config.authentication.secondary_authentication_mode !== 'required',
      one_of: [
        ...second.map((factor) => `secondary_${factor}` as const),
        ...(recovery_code.disabled ? [] : ['recovery_code' as const]),
        ...(device_token.disabled ? [] : ['device_token' as const]),
      ].map((authentication): LoginAuthenticateBranch => ({ authentication, steps: [] })),
    },
  ]
}

// ---- the others ---------------------------------------------------------------------------------------------------

function signupLoginFlow(config: Config): SignupLoginFlowConfig {
  return {
    name: 'default',
    steps: [
      {
        name: 'signup_login_identify',
        type: 'identify',
        one_of: [
          { identification: 'select_account', login_flow: 'default' },
          ...loginIdTypes(config).map((identification) => ({
            identification,
            signup_flow: 'default',
            login_flow: 'default',
          })),
        ],
      },
    ],
  }
}

function reauthFlow(config: Config): ReauthFlowConfig {
  const primary = config.authentication.primary_authenticators.filter((one): one is Factor => one !== 'passkey')
  const one_of = [
    ...primary.map((factor) => `primary_${factor}` as const),
    ...secondary(config).map((factor) => `secondary_${factor}` as const),
  ]
  return {
    name: 'default',
    steps: [
      { name: 'reauth_identify', type: 'identify', one_of: [{ identification: 'id_token', steps: [] }] },
      {
        name: 'reauthenticate',
        type: 'authenticate',
        one_of: one_of.map((authentication) => ({ authentication, steps: [] })),
      },
    ],
  }
}

function recoveryFlow(config: Config): RecoveryFlowConfig {
  const { email, phone } = config.ui.forgot_password
  const channels = { email, phone }
  const types = loginIdTypes(config).filter((type) => type !== 'username')
  return {
    name: 'default',
    steps: [
      {
        type: 'identify',
        one_of: types.map((identification) => ({
          identification,
          on_failure: 'ignore' as const,
          steps: [
            {
              type: 'select_destination' as const,
              enumerate_destinations: false,
              allowed_channels: channels[identification],
            },
          ],
        })),
      },
      { type: 'verify_account_recovery_code' },
      { type: 'reset_password' },
    ],
  }
}

const makers: Record<FlowType, (config: Config) => FlowConfig> = {
  signup: signupFlow,
  promote: signupFlow,
  login: loginFlow,
  signup_login: signupLoginFlow,
  reauth: reauthFlow,
  account_recovery: recoveryFlow,
}

// ---- found --------------------------------------------------------------------------------------------------------

/** The steps of a flow: the written one of this name, or for `default` the generated one. Undefined when there is none. */
export function flowSteps(config: Config, type: FlowType, name: string): FlowSteps | undefined {
  const written = config.authentication_flow[`${type}_flows`].find((flow) => flow.name === name)
  if (written !== undefined) return { type, name, steps: written.steps as StepConfig[] }
  return name === 'default' ? { type, name, steps: makers[type](config).steps as StepConfig[] } : undefined
}

/** Every flow that this one may turn into. */
export function successors(config: Config, flow: FlowSteps): FlowSteps[] {
  const wanted = new Map<string, { type: FlowType; name: string }>()
  const want = (type: FlowType, name: string) => wanted.set(`${type} ${name}`, { type, name })
  if (flow.type === 'promote') want('login', flow.name)
  if (flow.type === 'signup_login')
    for (const step of flow.steps)
      for (const branch of ('one_of' in step ? step.one_of : []) as { signup_flow?: string; login_flow?: string }[]) {
        if (branch.signup_flow !== undefined) want('signup', branch.signup_flow)
        if (branch.login_flow !== undefined) want('login', branch.login_flow)
      }
  return [...wanted.values()].flatMap(({ type, name }) => flowSteps(config, type, name) ?? [])
}

/**
 * Whether an application may start a flow (§3.2).
 * @throws Refusal 403 `AuthenticationFlowNotAllowed`.
 */
export function allowFlow(config: Config, client: ClientConfig | undefined, type: FlowType, name: string): void {
  const allowlist = client?.x_authentication_flow_allowlist
  if (allowlist === undefined || (allowlist.groups.length === 0 && allowlist.flows.length === 0)) return
  const groups = allowlist.groups.map(({ name: group }) =>
    config.ui.authentication_flow.groups.find((one) => one.name === group),
  )
  const bare = allowlist.groups.some(({ name: group }, index) => group === 'default' && groups[index] === undefined)
  const listed = [...allowlist.flows, ...groups.flatMap((group) => group?.flows ?? [])]
  if (listed.some((flow) => flow.type === type && flow.name === name) || (bare && name === 'default')) return
  throw new Refusal({
    name: 'Forbidden',
    reason: 'AuthenticationFlowNotAllowed',
    message: 'this application may not start this flow',
  })
}

/** Which flow the hosted pages start for an application that asks for a group, or for none (§3.2). */
export function flowOfGroup(
  config: Config,
  client: ClientConfig | undefined,
  type: FlowType,
  asked: string | undefined,
): string {
  const allowed = client?.x_authentication_flow_allowlist.groups.map((group) => group.name) ?? []
  const refuse = () =>
    new Refusal({
      name: 'Forbidden',
      reason: 'AuthenticationFlowNotAllowed',
      message: 'this application may not use this group of flows',
    })
  const group = asked || allowed[0] || 'default'
  if (allowed.length > 0 && !allowed.includes(group)) throw refuse()
  const defined = config.ui.authentication_flow.groups.find((one) => one.name === group)
  if (defined === undefined) {
    if (group === 'default') return 'default'
    throw refuse()
  }
  const flow = defined.flows.find((one) => one.type === type)
  if (flow === undefined) throw refuse()
  return flow.name
}

const channelsOf: Record<Config['authenticator']['oob_otp']['sms']['phone_otp_mode'], Channel[]> = {
  sms: ['sms'],
  whatsapp: ['whatsapp'],
  whatsapp_sms: ['whatsapp', 'sms'],
}

/** The settings that questions show, as they are now. */
export function termsOf(config: Config, now: Instant): Terms {
  const { enabled, end_at } = config.authentication.secondary_authentication_grace_period
  return {
    loginIdKeys: config.identity.login_id.keys.map(({ key, type }) => ({ key, type })),
    passwordPolicy: config.authenticator.password.policy,
    emailOtpForm: config.authenticator.oob_otp.email.email_otp_mode === 'login_link' ? 'link' : 'code',
    phoneChannels: channelsOf[config.authenticator.oob_otp.sms.phone_otp_mode],
    verifiable: (['email', 'phone_number'] as const).filter((name) => config.verification.claims[name].enabled),
    customAttributes: config.user_profile.custom_attributes.attributes,
    recoveryCodes: !config.authentication.recovery_code.disabled,
    deviceTokens: !config.authentication.device_token.disabled,
    graceOpen: enabled && (end_at === undefined || now < end_at),
  }
}
