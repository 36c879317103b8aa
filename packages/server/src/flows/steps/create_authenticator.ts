// How the account will be proved from now on: a new password, or codes to an address that is shown to be theirs.
import { z } from 'zod'
import { choosePassword, invalidCredentials } from '../../authenticators/password.ts'
import { policyData } from '../../authenticators/password_policy.ts'
import { stepOf } from '../../authenticators/totp.ts'
import { normaliseLoginId } from '../../identities/login_id.ts'
import { invariantViolated, Refusal } from '../../refusal.ts'
import type { SignupAuthentication, SignupAuthenticatorBranch, StepConfig } from '../config.ts'
import type { Channel, ClaimName, Fact, NewAuthenticator } from '../facts.ts'
import { factAt, factsOf, isVerifiedIn, namedStep, type Place, type Run, userIdOf, userOf } from '../run.ts'
import { openTotpSecret, sealTotpSecret } from '../sealed.ts'
import type { StepRules, Tools } from '../step.ts'
import type { CreateOption, Turn } from '../turn.ts'
import { partsOf, type Reach, reachOf } from './factors.ts'
import { acceptsForCode, askForCode, type CodeInput, channelsFor, checkForCode } from './one_time_code.ts'

type Create = Extract<StepConfig, { type: 'create_authenticator' }>
type Option = CreateOption & { branch: number; reach?: Reach; verify: boolean }

const claimNames: Record<Reach['type'], ClaimName> = { email: 'email', phone: 'phone_number' }

function optionsOf(place: Place<Create>, run: Run): Option[] {
  const { terms } = run.flow
  const made = factsOf(run, 'created')
  return place.config.one_of.flatMap((branch, index): Option[] => {
    const { authentication } = branch
    const { type } = partsOf(authentication)
    if (type === 'password')
      return made.some((fact) => fact.authentication === authentication)
        ? []
        : [{ authentication, branch: index, verify: false, password_policy: policyData(terms.passwordPolicy) }]
    if (type === 'totp')
      return made.some((fact) => fact.authentication === authentication)
        ? []
        : [{ authentication, branch: index, verify: false }]
    if (type !== 'oob_otp_email' && type !== 'oob_otp_sms') return []
    const reach = fixedReach(place, run, branch)
    const reached = reachOf(type, '').type
    const verify =
      branch.verification_required &&
      !(reach !== undefined && isVerifiedIn(run, { name: claimNames[reach.type], value: reach.target }))
    return [
      {
        authentication,
        branch: index,
        verify,
        otp_form: type === 'oob_otp_email' ? terms.emailOtpForm : 'code',
        channels: channelsFor({ type: reached }, run),
        ...(reach === undefined
          ? {}
          : { reach, target: { masked_display_name: reach.masked, verification_required: verify } }),
      },
    ]
  })
}

/** Where the codes of a branch with a `target_step` go. */
function fixedReach(place: Place, run: Run, branch: SignupAuthenticatorBranch): Reach | undefined {
  if (branch.target_step === undefined) return undefined
  const at = namedStep(run, place.flow, branch.target_step)
  const loginId = at === undefined ? undefined : factAt(run, at, 'identified')?.loginId
  const { type } = partsOf(branch.authentication)
  return loginId !== undefined && loginId.type === reachOf(type, '').type ? reachOf(type, loginId.value) : undefined
}

function printed({ branch: _, reach: __, verify: ___, ...option }: Option): CreateOption {
  return option
}

function create(
  place: Place,
  branch: number,
  authentication: SignupAuthentication,
  authenticator: NewAuthenticator,
): Fact {
  return { at: place.at, kind: 'created', branch, authentication, authenticator }
}

/** The question at `place` for the branches of `create`; also asked at login, of those who lack a second factor. */
export function askToCreate(place: Place, run: Run, step: Place<Create>): Turn | undefined {
  if (factAt(run, place.at, 'created') !== undefined) return undefined
  const options = optionsOf(step, run)
  const chose = factAt(run, place.at, 'chose')
  if (chose !== undefined) {
    const { kind, type } = partsOf(chose.authentication)
    if (type === 'totp') return askForTotp(place, run)
    return askForCode(place, run, {
      purpose: 'oob-otp',
      message: `setup-${kind}-oob`,
      reach: reachOf(type, chose.target),
      userId: userOf(run)?.id,
      form: type === 'oob_otp_email' ? run.flow.terms.emailOtpForm : 'code',
      authentication: chose.authentication,
    })
  }
  if (options.length === 0)
    return {
      kind: 'errand',
      at: place.at,
      errand: 'refuse',
      refusal: {
        name: 'Invalid',
        reason: 'InvariantViolated',
        message: 'no authenticator',
        info: { cause: { kind: 'NoAuthenticator' } },
      },
    }
  return {
    kind: 'question',
    at: place.at,
    step: place.config.type,
    stage: 'choose',
    flow: place.flow,
    data: { type: 'create_authenticator_data', options: options.map(printed) },
  }
}

/** The secret to put into an app, and the first code of it. */
function askForTotp(place: Place, run: Run): Turn {
  const made = factAt(run, place.at, 'totp_secret')
  if (made === undefined) throw new Error('an authenticator app without a secret')
  return {
    kind: 'question',
    at: place.at,
    step: place.config.type,
    stage: 'code',
    flow: place.flow,
    authentication: 'secondary_totp',
    data: { type: 'create_totp_data' },
    sealed: made.sealed,
  }
}

type Input = CodeInput & { authentication?: SignupAuthentication; new_password?: string; target?: string }

export const createAuthenticator: StepRules<Create> = {
  ask: (place, run) => askToCreate(place, run, place),

  accepts(question, place, run, input) {
    if (question.data.type === 'create_totp_data') return z.object({ code: z.string().min(1).max(128) })
    if (question.stage !== 'choose') return acceptsForCode(question, input)
    const shapes = optionsOf(place, run).map((option) => {
      const authentication = z.literal(option.authentication)
      if (option.authentication.endsWith('_password'))
        return z.object({ authentication, new_password: z.string().min(1) })
      if (option.authentication === 'secondary_totp') return z.object({ authentication })
      const target = z.string().min(1).max(320)
      const channel = z.enum((option.channels ?? []) as [Channel, ...Channel[]]).optional()
      return z.object({ authentication, target: option.reach === undefined ? target : target.optional(), channel })
    })
    return z.discriminatedUnion('authentication', shapes as [(typeof shapes)[number], ...typeof shapes])
  },

  async check(tools, question, place, input: Input): Promise<Fact[]> {
    const { run } = tools
    if (question.stage !== 'choose') {
      const chose = factAt(run, place.at, 'chose')
      if (chose === undefined) throw new Error('a code without a choice')
      const { kind, type } = partsOf(chose.authentication)
      if (question.sealed !== undefined) {
        const { node, project } = tools
        const secret = openTotpSecret(node, project, question.sealed)
        const step = stepOf(secret, input.code ?? '', node.world.clock.now())
        if (step === undefined) throw invalidCredentials('totp')
        const app = { type: 'totp' as const, kind: 'secondary' as const, sealed: question.sealed, step }
        return [create(place, chose.branch, 'secondary_totp', app)]
      }
      const authenticator = { type: type as 'oob_otp_email' | 'oob_otp_sms', kind, target: chose.target }
      const { type: reached } = reachOf(type, chose.target)
      return checkForCode(
        tools,
        question,
        input,
        () => [
          { at: place.at, kind: 'verified', claim: { name: claimNames[reached], value: chose.target } },
          create(place, chose.branch, chose.authentication as SignupAuthentication, authenticator),
        ],
        () => invalidCredentials(type),
      )
    }
    const option = optionsOf(place, run).find((one) => one.authentication === input.authentication)
    if (option === undefined) throw new Error('an option that was not offered')
    const { kind, type } = partsOf(option.authentication)
    if (type === 'password') {
      const about = factsOf(run, 'identified').flatMap((fact) =>
        fact.loginId === undefined ? [] : [fact.loginId.value, ...fact.loginId.value.split('@')],
      )
      const hash = await choosePassword(tools.node.world, tools.project, {
        password: input.new_password ?? '',
        userId: kind === 'primary' ? userIdOf(run) : undefined,
        about,
      })
      return [create(place, option.branch, option.authentication, { type: 'password', kind, hash })]
    }
    if (type === 'totp')
      return [
        { at: place.at, kind: 'chose', branch: option.branch, authentication: option.authentication, target: '' },
        { at: place.at, kind: 'totp_secret', sealed: sealTotpSecret(tools.node, tools.project) },
      ]
    const target = option.reach?.target ?? (await targetFrom(tools, type, input.target ?? ''))
    const owned = userOf(run)?.authenticators.some(
      (one) => one.type === type && one.kind === kind && one.target === target,
    )
    if (owned) throw invariantViolated('DuplicatedAuthenticator', 'authenticator already exists')
    if (!option.verify)
      return [create(place, option.branch, option.authentication, { type: type as 'oob_otp_email', kind, target })]
    return [
      { at: place.at, kind: 'chose', branch: option.branch, authentication: option.authentication, target },
      ...(input.channel === undefined ? [] : [{ at: place.at, kind: 'channel' as const, channel: input.channel }]),
    ]
  },
}

async function targetFrom(tools: Tools, type: string, text: string): Promise<string> {
  const reached = reachOf(type, '').type
  const normal = await normaliseLoginId(reached, text, tools.project.config)
  if (normal !== undefined) return normal.value
  throw new Refusal({
    name: 'Invalid',
    reason: 'ValidationFailed',
    message: `not ${reached === 'email' ? 'an e-mail address' : 'a telephone number'}`,
    info: {
      causes: [{ location: '/target', kind: 'format', message: 'cannot be reached', details: { format: reached } }],
    },
  })
}
