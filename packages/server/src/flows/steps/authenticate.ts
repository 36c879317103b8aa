// Prove it: with a password, with a code sent to where only the user reads it, with that of an app, or with one kept for
// the day when all else is lost. A trusted device spares the second proof.
import { z } from 'zod'
import { checkPassword, invalidCredentials } from '../../authenticators/password.ts'
import { checkRecoveryCode } from '../../authenticators/recovery_codes.ts'
import { checkTotp } from '../../authenticators/totp.ts'
import { countAttempt, methodOf } from '../../limits/lockout.ts'
import type { LoginAuthenticateBranch, LoginAuthentication, StepConfig } from '../config.ts'
import type { Channel, Fact } from '../facts.ts'
import { factAt, factsOf, namedStep, type Place, type Run, userOf } from '../run.ts'
import type { StepRules, Tools } from '../step.ts'
import type { AuthenticateOption, Turn } from '../turn.ts'
import { askToCreate, createAuthenticator } from './create_authenticator.ts'
import { partsOf, type Reach, reachOf } from './factors.ts'
import { acceptsForCode, askForCode, type CodeInput, channelsFor, checkForCode } from './one_time_code.ts'

type Authenticate = Extract<StepConfig, { type: 'authenticate' }>
type Option = AuthenticateOption & {
  branch: number
  reach?: Reach
  authenticatorId?: string
  authentication: LoginAuthentication
}

/** What this user may use here, in the order of the branches. */
function optionsOf(place: Place<Authenticate>, run: Run): Option[] {
  const used = factsOf(run, 'authenticated')
  const user = userOf(run)
  const options = place.config.one_of.flatMap((written, branch): Option[] => {
    const { authentication } = written as LoginAuthenticateBranch
    const { kind, type } = partsOf(authentication)
    if (type === 'totp') {
      const held = user?.authenticators.some((one) => one.type === 'totp' && one.kind === kind)
      return held && !used.some((fact) => fact.authentication === authentication) ? [{ authentication, branch }] : []
    }
    if (type === 'password') {
      if (used.some((fact) => fact.authentication === authentication)) return []
      const held = user?.authenticators.find((one) => one.type === 'password' && one.kind === kind)
      // A first password is asked for whether there is one or not; a second one tells nobody new anything.
      return kind === 'primary' || held !== undefined ? [{ authentication, branch }] : []
    }
    if (type !== 'oob_otp_email' && type !== 'oob_otp_sms') return []
    return targetsOf(place, run, written as LoginAuthenticateBranch)
      .filter(({ target }) => !used.some((fact) => fact.authentication === authentication && fact.target === target))
      .map(({ target, authenticatorId }) => {
        const reach = reachOf(type, target)
        return {
          authentication,
          branch,
          reach,
          ...(authenticatorId === undefined ? {} : { authenticatorId }),
          otp_form: type === 'oob_otp_email' ? run.flow.terms.emailOtpForm : 'code',
          masked_display_name: reach.masked,
          channels: channelsFor(reach, run),
        }
      })
  })
  // A way out for who lost the others; where there are no others, there is nothing to find a way out of.
  const rescue = branchOf(place, 'recovery_code')
  if (options.length === 0 || rescue < 0 || !run.flow.terms.recoveryCodes || !user?.recoveryCodes) return options
  if (used.some((fact) => fact.authentication === 'recovery_code')) return options
  return [...options, { authentication: 'recovery_code', branch: rescue }]
}

function branchOf(place: Place<Authenticate>, authentication: LoginAuthentication): number {
  return place.config.one_of.findIndex((branch) => branch.authentication === authentication)
}

/** Whether a device may be trusted here; it spares only a second factor that there is. */
function trustsDevices(place: Place<Authenticate>, run: Run): boolean {
  const second = userOf(run)?.authenticators.some((one) => one.kind === 'secondary') ?? false
  return second && run.flow.terms.deviceTokens === true && branchOf(place, 'device_token') >= 0
}

/** A first factor reaches the login ID of the target step, else every one of the user's; a second one where it was set up. */
function targetsOf(
  place: Place,
  run: Run,
  branch: LoginAuthenticateBranch,
): { target: string; authenticatorId?: string }[] {
  const user = userOf(run)
  const { kind, type } = partsOf(branch.authentication)
  const owned = (user?.authenticators ?? []).flatMap((one) =>
    one.type === type && one.kind === kind && one.target !== null
      ? [{ target: one.target, authenticatorId: one.id }]
      : [],
  )
  if (kind === 'secondary') return owned
  const reached = type === 'oob_otp_sms' ? 'phone' : 'email'
  const at = branch.target_step === undefined ? undefined : namedStep(run, place.flow, branch.target_step)
  const named = at === undefined ? undefined : factAt(run, at, 'identified')?.loginId
  const loginIds = named !== undefined ? [named] : (user?.loginIds ?? [])
  const targets = loginIds.filter((loginId) => loginId.type === reached).map((loginId) => loginId.value)
  return [...new Set(targets)].map((target) => owned.find((one) => one.target === target) ?? { target })
}

function printed({ branch: _, reach: __, authenticatorId: ___, ...option }: Option): AuthenticateOption {
  return option
}

export const authenticate: StepRules<Authenticate> = {
  ask(place, run): Turn | undefined {
    if (factAt(run, place.at, 'authenticated') !== undefined) return undefined
    const chose = factAt(run, place.at, 'chose')
    if (enrols(place, run)) return askToCreate(place, run, enrolment(place))
    const options = optionsOf(place, run)
    if (chose !== undefined) {
      const { kind, type } = partsOf(chose.authentication)
      return askForCode(place, run, {
        purpose: 'oob-otp',
        message: `authenticate-${kind}-oob`,
        reach: reachOf(type, chose.target),
        userId: userOf(run)?.id,
        form: type === 'oob_otp_email' ? run.flow.terms.emailOtpForm : 'code',
        authentication: chose.authentication,
      })
    }
    const user = userOf(run)
    if (user !== undefined && options.length > 0 && trustsDevices(place, run)) {
      const branch = branchOf(place, 'device_token')
      if (factAt(run, place.at, 'device_looked_at') === undefined)
        return { kind: 'errand', at: place.at, errand: 'look_at_device', userId: user.id, branch }
    }
    if (options.length === 0) {
      if (place.config.type === 'authenticate' && 'optional' in place.config && place.config.optional) return undefined
      return { kind: 'errand', at: place.at, errand: 'refuse', refusal: noAuthenticator }
    }
    return {
      kind: 'question',
      at: place.at,
      step: 'authenticate',
      stage: 'choose',
      flow: place.flow,
      data: {
        type: 'authentication_data',
        options: options.map(printed),
        device_token_enabled: trustsDevices(place, run),
      },
    }
  },

  accepts(question, place, run, input) {
    if (question.data.type === 'create_authenticator_data' || enrols(place, run))
      return createAuthenticator.accepts(question, enrolment(place), run, input)
    const request_device_token = z.boolean().optional()
    if (question.stage !== 'choose') {
      const shape = acceptsForCode(question, input)
      return shape instanceof z.ZodObject ? shape.extend({ request_device_token }) : shape
    }
    const options = optionsOf(place, run)
    const names = [...new Set(options.map((option) => option.authentication))]
    const shapes = names.map((name) => {
      const authentication = z.literal(name)
      if (name.endsWith('_password'))
        return z.object({ authentication, password: z.string().min(1), request_device_token })
      if (name === 'secondary_totp')
        return z.object({ authentication, code: z.string().min(1).max(128), request_device_token })
      if (name === 'recovery_code')
        return z.object({ authentication, recovery_code: z.string().min(1).max(128), request_device_token })
      const indices = options.flatMap((option, index) => (option.authentication === name ? [index] : []))
      const channels = options.find((option) => option.authentication === name)?.channels ?? []
      const channel = z.enum(channels as [Channel, ...Channel[]])
      return z.object({
        authentication,
        index: z.literal(indices),
        channel: channels.length > 1 ? channel : channel.optional(),
        request_device_token,
      })
    })
    return z.discriminatedUnion('authentication', shapes as [(typeof shapes)[number], ...typeof shapes])
  },

  async check(tools, question, place, input: Input): Promise<Fact[]> {
    const { run } = tools
    const remember = input.request_device_token === true && trustsDevices(place, run) ? { remember: true as const } : {}
    if (enrols(place, run)) return createAuthenticator.check(tools, question, enrolment(place), input as never)
    if (question.stage !== 'choose') {
      const chose = factAt(run, place.at, 'chose')
      if (chose === undefined) throw new Error('a code without a choice')
      const { authentication, branch, authenticatorId, target } = chose
      const fact: Fact = {
        at: place.at,
        kind: 'authenticated',
        branch,
        authentication: authentication as LoginAuthentication,
        target,
        ...(authenticatorId === undefined ? {} : { authenticatorId }),
        ...(chose.remember ? { remember: true } : remember),
      }
      const check = () =>
        checkForCode(
          tools,
          question,
          input,
          () => [fact],
          () => invalidCredentials(partsOf(authentication).type),
        )
      // Asking for another message proves nothing, and counts as nothing.
      return input.code === undefined && input.check === undefined ? check() : counted(tools, authentication, check)
    }
    const option = optionsOf(place, run).find(
      (one, index) =>
        one.authentication === input.authentication && (input.index === undefined || input.index === index),
    )
    if (option === undefined) throw new Error('an option that was not offered')
    if (option.reach !== undefined) {
      const channel = input.channel ?? option.channels?.[0]
      return [
        {
          at: place.at,
          kind: 'chose',
          branch: option.branch,
          authentication: option.authentication,
          target: option.reach.target,
          ...(option.authenticatorId === undefined ? {} : { authenticatorId: option.authenticatorId }),
          ...remember,
        },
        ...(channel === undefined ? [] : [{ at: place.at, kind: 'channel' as const, channel }]),
      ]
    }
    const proved = await counted(tools, option.authentication, () => prove(tools, option.authentication, input))
    const { branch, authentication } = option
    return [{ at: place.at, kind: 'authenticated', branch, authentication, ...proved, ...remember }]
  },
}

type Input = CodeInput & {
  authentication?: LoginAuthentication
  password?: string
  recovery_code?: string
  index?: number
  request_device_token?: boolean
}

/** With the account's lockout in mind: a wrong credential counts towards it. */
function counted<T>(tools: Tools, authentication: string, check: () => Promise<T>): Promise<T> {
  const { node, project, run, caller } = tools
  const userId = userOf(run)?.id
  if (userId === undefined) return check()
  return countAttempt(node.world, project, { userId, method: methodOf(authentication), ip: caller.caller.ip }, check)
}

/** Checks what was typed, at once. @throws Refusal 401 `InvalidCredentials`; 429. */
async function prove(
  tools: Tools,
  authentication: LoginAuthentication,
  input: Input,
): Promise<{ authenticatorId?: string; change?: 'policy' | 'expiry' }> {
  const { node, project, caller, run, spender } = tools
  const { ip } = caller.caller
  const userId = userOf(run)?.id
  if (authentication === 'recovery_code' || authentication === 'secondary_totp') {
    if (userId === undefined) throw new Error(`${authentication} without a user`)
    if (authentication === 'secondary_totp') {
      const { id } = await checkTotp(node, project, { userId, code: input.code ?? '', ip, spender })
      return { authenticatorId: id }
    }
    await checkRecoveryCode(node, project, { userId, code: input.recovery_code ?? '', ip, spender })
    return {}
  }
  const { authenticator, change } = await checkPassword(node.world, project, {
    userId,
    kind: partsOf(authentication).kind,
    password: input.password ?? '',
    ip,
  })
  return { authenticatorId: authenticator.id, ...(change ? { change } : {}) }
}

const noAuthenticator = {
  name: 'Invalid' as const,
  reason: 'InvariantViolated',
  message: 'no authenticator',
  info: { cause: { kind: 'NoAuthenticator' } },
}

// ---- setting up a second factor at login --------------------------------------------------------------------------

/**
 * While the grace period is open, whoever proved one factor and lacks the second may set it up here (authentication
 * §3.4). Only second factors: a first one is what the account already stands on.
 */
function enrols(place: Place<Authenticate>, run: Run): boolean {
  if (!(run.flow.terms.graceOpen || userOf(run)?.graceOpen) || ('optional' in place.config && place.config.optional))
    return false
  if (!factsOf(run, 'authenticated').some((fact) => fact.at !== place.at)) return false
  return optionsOf(place, run).length === 0 && enrolment(place).config.one_of.length > 0
}

function enrolment(place: Place<Authenticate>): Place<Extract<StepConfig, { type: 'create_authenticator' }>> {
  const fitting = ['secondary_password', 'secondary_totp', 'secondary_oob_otp_email', 'secondary_oob_otp_sms']
  const one_of = place.config.one_of
    .filter((branch) => fitting.includes(branch.authentication))
    .map((branch) => ({
      authentication: branch.authentication as 'secondary_password',
      verification_required: true,
      steps: [],
    }))
  return { ...place, config: { type: 'create_authenticator', one_of } }
}
