// Who is it, or who will it be? The first question of every flow.
import { z } from 'zod'
import type { LoginIdType } from '../../identities/config.ts'
import { type LoginId, newLoginId, normaliseLoginId } from '../../identities/login_id.ts'
import { findByLoginId, type Identity } from '../../identities/store.ts'
import { verifyOwnJwt } from '../../keys/verify.ts'
import { addressKey, type Bucket, charge } from '../../limits/rate.ts'
import { scopeOf } from '../../projects/find.ts'
import { Refusal } from '../../refusal.ts'
import type { LoginIdentification, StepConfig } from '../config.ts'
import type { Fact } from '../facts.ts'
import { branchesOf, factAt, type Place, type Run, userOf } from '../run.ts'
import type { StepRules, Tools } from '../step.ts'
import type { IdentifyOption } from '../turn.ts'

type Identify = Extract<StepConfig, { type: 'identify' }>
type Branch = {
  identification: LoginIdentification
  signup_flow?: string
  login_flow?: string
  on_failure?: 'error' | 'ignore'
}

function branches(config: Identify): readonly Branch[] {
  return branchesOf(config) as unknown as Branch[]
}

const isLoginId = (identification: LoginIdentification): identification is LoginIdType =>
  identification === 'email' || identification === 'phone' || identification === 'username'

/** What is offered. Branches for ways in that this project or this release lacks are left out. */
function optionsOf(place: Place<Identify>, run: Run): IdentifyOption[] {
  const { terms, context } = run.flow
  const seen = new Set<string>()
  return branches(place.config).flatMap(({ identification }): IdentifyOption[] => {
    if (seen.has(identification)) return []
    seen.add(identification)
    if (isLoginId(identification))
      return terms.loginIdKeys.some((key) => key.type === identification) ? [{ identification }] : []
    if (identification === 'select_account')
      return context.account === undefined
        ? []
        : [{ identification, display_name: context.account.displayName, user_id: context.account.userId }]
    return identification === 'id_token' ? [{ identification }] : []
  })
}

type Input = { identification: LoginIdentification; login_id?: string; id_token?: string; index?: number }

export const identify: StepRules<Identify> = {
  ask(place, run) {
    const identified = factAt(run, place.at, 'identified')
    if (identified !== undefined)
      return identified.userId !== undefined && userOf(run)?.id !== identified.userId
        ? { kind: 'errand', at: place.at, errand: 'meet_user', userId: identified.userId }
        : undefined
    const options = optionsOf(place, run)
    const data =
      place.flow.type === 'account_recovery'
        ? {
            type: 'account_recovery_identification_data' as const,
            options: options as { identification: LoginIdType }[],
          }
        : { type: 'identification_data' as const, options }
    return { kind: 'question', at: place.at, step: 'identify', stage: 'choose', flow: place.flow, data }
  },

  accepts(_question, place, run) {
    const shapes = optionsOf(place, run).map(({ identification }, index) => {
      const chosen = z.literal(identification)
      if (identification === 'select_account') return z.object({ identification: chosen, index: z.literal(index) })
      if (identification === 'id_token')
        return z.object({ identification: chosen, id_token: z.string().min(1).max(16_384) })
      return z.object({ identification: chosen, login_id: z.string().min(1).max(1000) })
    })
    return shapes.length === 0
      ? z.never()
      : z.discriminatedUnion('identification', shapes as [(typeof shapes)[number], ...typeof shapes])
  },

  async check(tools, _question, place, input: Input) {
    const number = branches(place.config).findIndex((one) => one.identification === input.identification)
    const branch = branches(place.config)[number] as Branch
    const here = { at: place.at, kind: 'identified' as const, branch: number, identification: input.identification }
    if (input.identification === 'select_account') return selectAccount(tools, place, branch, here)
    if (input.identification === 'id_token') return byIdToken(tools, place, branch, here, input.id_token ?? '')
    const type = input.identification as LoginIdType
    const typed = (input.login_id ?? '').trim()
    switch (place.flow.type) {
      case 'signup':
      case 'promote':
        return newcomer(tools, place, type, typed, here)
      case 'signup_login':
        return eitherWay(tools, place, branch, type, typed)
      case 'account_recovery':
        return forRecovery(tools, branch, type, typed, here)
      default:
        return known(tools, place, type, typed, here)
    }
  },
}

type Here = { at: string; kind: 'identified'; branch: number; identification: LoginIdentification }

/** Turns the flow into another one, which is then asked with the same input. */
function become(tools: Tools, place: Place, type: 'signup' | 'login', name = 'default'): Fact[] {
  if (!tools.run.flow.others.some((other) => other.type === type && other.name === name)) throw flowNotFound(type, name)
  return [{ at: place.at, kind: 'became', type, name }]
}

export function flowNotFound(type: string, name: string): Refusal {
  return new Refusal({
    name: 'NotFound',
    reason: 'AuthenticationFlowFlowNotFound',
    message: `no ${type} flow is named ${name}`,
    info: { FlowType: type },
  })
}

// ---- by login ID --------------------------------------------------------------------------------------------------

function enumeration(tools: Tools): Bucket {
  const { config } = tools.project
  return {
    name: 'AccountEnumerationPerIP',
    group: 'authentication.account_enumeration',
    per: 'per_ip',
    of: [addressKey(tools.caller.caller.ip)],
    limit: config.authentication.rate_limits.account_enumeration.per_ip,
  }
}

/** Looks a login ID up. Whoever asks for many that lead nowhere is slowed down; one that is found costs nothing. */
async function lookUp(
  tools: Tools,
  type: LoginIdType,
  typed: string,
): Promise<{ loginId: LoginId; identity: Identity | undefined }> {
  const { node, project } = tools
  const normal = await normaliseLoginId(type, typed, project.config)
  if (normal === undefined)
    throw new Refusal({
      name: 'Invalid',
      reason: 'ValidationFailed',
      message: 'invalid login ID',
      info: {
        causes: [
          { location: '/login_id', kind: 'format', message: 'not a login ID of this kind', details: { format: type } },
        ],
      },
    })
  const scope = scopeOf(node.world.db, project)
  const identity = await findByLoginId(scope, type, normal.uniqueKey)
  const key =
    identity?.login_id_key ?? project.config.identity.login_id.keys.find((one) => one.type === type)?.key ?? type
  return { loginId: { key, type, original: typed, ...normal }, identity }
}

async function enumerate<T>(tools: Tools, look: () => Promise<{ value: T; costs: boolean }>): Promise<T> {
  const charged = await charge(
    scopeOf(tools.node.world.db, tools.project),
    [enumeration(tools)],
    tools.node.world.clock.now(),
  )
  let keep = false
  try {
    const { value, costs } = await look()
    keep = costs
    return value
  } finally {
    if (!keep) await charged.giveBack()
  }
}

function userNotFound(place: Place, type: LoginIdType): Refusal {
  return new Refusal({
    name: 'NotFound',
    reason: 'UserNotFound',
    message: 'user not found',
    info: { FlowType: place.flow.type, IdentityTypeIncoming: 'login_id', LoginIDTypeIncoming: type },
  })
}

async function known(tools: Tools, place: Place, type: LoginIdType, typed: string, here: Here): Promise<Fact[]> {
  const { loginId, identity } = await enumerate(tools, async () => {
    const value = await lookUp(tools, type, typed)
    return { value, costs: value.identity === undefined }
  })
  if (identity === undefined) throw userNotFound(place, type)
  return [{ ...here, userId: identity.user_id, identityId: identity.id, loginId, typed }]
}

async function newcomer(tools: Tools, place: Place, type: LoginIdType, typed: string, here: Here): Promise<Fact[]> {
  const { project } = tools
  const key = project.config.identity.login_id.keys.find((one) => one.type === type)
  if (key === undefined) throw new Error(`the project has no login ID of type ${type}`)
  const loginId = await newLoginId(key, typed, project.config)
  const taken = await enumerate(tools, async () => {
    const value = (await lookUp(tools, type, typed)).identity
    return { value, costs: value !== undefined && place.flow.type === 'signup' }
  })
  if (taken === undefined) return [{ ...here, loginId, typed }]
  // Someone who promotes into an account they already have signs in to it.
  if (place.flow.type === 'promote') return become(tools, place, 'login', place.flow.name)
  throw duplicatedIdentity(place.flow.type, type)
}

/** Somebody has this login ID already. */
export function duplicatedIdentity(flowType: string, type: LoginIdType): Refusal {
  return new Refusal({
    name: 'Invalid',
    reason: 'InvariantViolated',
    message: 'identity already exists',
    info: {
      cause: { kind: 'DuplicatedIdentity' },
      FlowType: flowType,
      IdentityTypeIncoming: 'login_id',
      LoginIDTypeIncoming: type,
      IdentityTypeExisting: 'login_id',
      LoginIDTypeExisting: type,
      ExistingIdentities: [{ IdentityType: 'login_id', LoginIDType: type }],
    },
  })
}

async function eitherWay(
  tools: Tools,
  place: Place,
  branch: Branch,
  type: LoginIdType,
  typed: string,
): Promise<Fact[]> {
  const { identity } = await enumerate(tools, async () => {
    const value = await lookUp(tools, type, typed)
    return { value, costs: value.identity === undefined }
  })
  if (identity !== undefined) return become(tools, place, 'login', branch.login_flow)
  if (tools.project.config.authentication.public_signup_disabled) throw noPublicSignup()
  return become(tools, place, 'signup', branch.signup_flow)
}

export function noPublicSignup(): Refusal {
  return new Refusal({
    name: 'Forbidden',
    reason: 'AuthenticationFlowNoPublicSignup',
    message: 'public signup is disabled',
  })
}

async function forRecovery(
  tools: Tools,
  branch: Branch,
  type: LoginIdType,
  typed: string,
  here: Here,
): Promise<Fact[]> {
  if (branch.on_failure === 'error') {
    const place = { flow: { type: 'account_recovery' as const, name: '' } } as Place
    return known(tools, place, type, typed, here)
  }
  const { loginId, identity } = await lookUp(tools, type, typed)
  return [
    {
      ...here,
      loginId,
      typed,
      ...(identity === undefined ? {} : { userId: identity.user_id, identityId: identity.id }),
    },
  ]
}

// ---- by what the browser or the application holds -----------------------------------------------------------------

async function selectAccount(tools: Tools, place: Place, branch: Branch, here: Here): Promise<Fact[]> {
  const offered = tools.run.flow.context.account
  const session = tools.caller.session
  const same =
    session?.kind === 'idp' && offered !== undefined && session.session.id.toString('base64url') === offered.session
  if (!same || session.user.id !== offered.userId)
    throw new Refusal({
      name: 'Unauthorized',
      reason: 'SelectAccountSessionChanged',
      message: 'someone else is signed in here by now',
    })
  if (place.flow.type === 'signup_login') return become(tools, place, 'login', branch.login_flow)
  return [{ ...here, userId: offered.userId, session: offered.session }]
}

async function byIdToken(tools: Tools, place: Place, branch: Branch, here: Here, token: string): Promise<Fact[]> {
  const { project, node } = tools
  const jwt = verifyOwnJwt(token, project.signingKeys)
  // Access tokens are signed by the same keys.
  const claims = jwt?.header.typ === undefined || jwt.header.typ === 'JWT' ? jwt?.claims : undefined
  const ours = project.origins.some((origin) => origin.origin === claims?.iss)
  const fresh = typeof claims?.exp === 'number' && claims.exp * 1000 > node.world.clock.now().getTime()
  if (!ours || !fresh || typeof claims?.sub !== 'string' || !/^[0-9a-f-]{36}$/.test(claims.sub))
    throw new Refusal({
      name: 'Invalid',
      reason: 'ValidationFailed',
      message: 'not an ID token of this project that still holds',
      info: {
        causes: [
          {
            location: '/id_token',
            kind: 'format',
            message: 'not an ID token that holds',
            details: { format: 'id_token' },
          },
        ],
      },
    })
  if (place.flow.type === 'signup_login') return become(tools, place, 'login', branch.login_flow)
  return [{ ...here, userId: claims.sub, ...(typeof claims.sid === 'string' ? { sid: claims.sid } : {}) }]
}
