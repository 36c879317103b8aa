// Input → check → facts → turn. The pages and the JSON API both come through here, with the same inputs.
import { check } from '../config/faults.ts'
import { append } from '../events/log.ts'
import type { Caller } from '../http/context.ts'
import type { LoginIdType } from '../identities/config.ts'
import { findLink } from '../messaging/codes.ts'
import type { Node } from '../node.ts'
import { findOAuthRequest, type SavedRequest } from '../oauth/requests.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import type { Origin } from '../projects/origins.ts'
import { Refusal } from '../refusal.ts'
import type { Session } from '../sessions/resolve.ts'
import { inTransaction } from '../storage/database.ts'
import { advance } from './advance.ts'
import type { FlowType } from './config.ts'
import type { Flow, FlowContext } from './definition.ts'
import { displayName, run as runErrand } from './errands.ts'
import type { Fact } from './facts.ts'
import { type FinishedFlow, finish, flowGone, repeat } from './finish.ts'
import { allowFlow, flowSteps, successors, termsOf } from './generate.ts'
import { anonymousUserOf } from './promotion.ts'
import { branchesOf, placeAt, type Run, userIdOf } from './run.ts'
import type { Tools } from './step.ts'
import { flowNotFound, noPublicSignup } from './steps/identify.ts'
import { recoveryFailed } from './steps/verify_account_recovery_code.ts'
import { rulesOf } from './steps.ts'
import { digest, findState, insertFlow, insertState, isStateToken, newStateToken, type StoredFlow } from './store.ts'
import type { Action, Question, Turn } from './turn.ts'
import { viewOf } from './view.ts'

/** Who is asking. */
export type FlowCaller = {
  origin: Origin
  caller: Caller
  /** Value of the cookie `authgear_web_session`; absent for the API. A flow that began in a browser stays in it. */
  browser?: string | undefined
  /** The browser's live session (`currentSession(c, 'browser')`): `select_account` offers it, a new sign-in ends it. */
  session?: Session | undefined
  /** Value of the cookie of a trusted device. */
  deviceToken?: string | undefined
  acceptLanguage?: string | undefined
}

export type NewFlow = {
  type: FlowType
  name: string
  /** `x_ref` of the saved authorization request. */
  ref?: string | undefined
  /** For a flow without an authorization request: whose allowlist counts. */
  clientId?: string | undefined
  uiLocales?: string | undefined
}

/** A flow's state, for both views. `action` is what the API prints. */
export type FlowView = {
  stateToken: string
  type: FlowType
  name: string
  action: Action
  /** What the person has already said here, unmasked: for the pages, never printed by the API. */
  about: {
    loginId?: { type: LoginIdType; value: string }
    /** Whose session is proved once more. Nobody else's account is named before it is proved. */
    account?: { name: string; loginIds: { type: LoginIdType; value: string }[] }
    /** Attributes that `fill_in_user_profile` asks for. */
    attributes?: { pointer: string; required: boolean }[]
    /** The message with the code did not leave yet; it is tried again. */
    messageDelayed?: boolean
  }
  /** Set-Cookie values of the finishing answer. */
  cookies: string[]
}

/** A refusal within a flow, with the state to go on from: the one given, or a later one when part of the input was accepted. */
export class FlowRefusal extends Refusal {
  readonly view: FlowView
  constructor(refusal: Refusal, view: FlowView) {
    super({
      name: refusal.name,
      reason: refusal.reason,
      message: refusal.message,
      ...(refusal.info ? { info: refusal.info } : {}),
      ...(refusal.detail !== undefined ? { detail: refusal.detail } : {}),
      ...(refusal.retryAfter !== undefined ? { retryAfter: refusal.retryAfter } : {}),
    })
    this.view = view
  }
}

// ---- beginning ----------------------------------------------------------------------------------------------------

/**
 * Begins a flow (authentication §3.2).
 * @throws Refusal `AuthenticationFlowFlowNotFound`, `AuthenticationFlowNotAllowed`, `AuthenticationFlowNoPublicSignup`;
 *   401 `InvalidCredentials` for a promotion without an anonymous user.
 */
export async function createFlow(node: Node, project: Project, wanted: NewFlow, caller: FlowCaller): Promise<FlowView> {
  const { config } = project
  const { world } = node
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  const saved = wanted.ref === undefined ? undefined : await findOAuthRequest(scope, wanted.ref, now)
  const client = project.clients.get(saved?.request.clientId ?? wanted.clientId ?? '')
  const steps = flowSteps(config, wanted.type, wanted.name)
  if (steps === undefined) throw flowNotFound(wanted.type, wanted.name)
  allowFlow(config, client, wanted.type, wanted.name)
  if (wanted.type === 'signup' && config.authentication.public_signup_disabled) throw noPublicSignup()
  if (wanted.type === 'account_recovery' && !config.forgot_password.enabled)
    throw new Refusal({
      name: 'Forbidden',
      reason: 'ForgotPasswordFailed',
      message: 'recovering an account is switched off here',
      info: { cause: { kind: 'FeatureDisabled' } },
    })
  const anonymousUserId =
    wanted.type === 'promote'
      ? await anonymousUserOf(
          node,
          project,
          saved?.request.loginHint?.type === 'anonymous' ? saved.request.loginHint : undefined,
          {
            requestId: saved?.id ?? null,
            session: caller.session,
          },
        )
      : undefined
  const flow: Flow = {
    ...steps,
    others: successors(config, steps),
    terms: termsOf(config, now),
    context: contextOf(wanted, caller, saved, { anonymousUserId, oneSession: client?.x_max_concurrent_session === 1 }),
  }
  return begin(node, project, flow, startingFacts(flow), { oauthRequestId: saved?.id ?? null, caller })
}

function contextOf(
  wanted: NewFlow,
  caller: FlowCaller,
  saved: SavedRequest | undefined,
  more: { anonymousUserId: string | undefined; oneSession: boolean },
): FlowContext {
  const request = saved?.request
  const browserSession = request?.browserSession ?? true
  const clientId = request?.clientId ?? wanted.clientId
  const uiLocales = wanted.uiLocales ?? request?.uiLocales
  const session = caller.session
  // An application that wants a fresh proof is not offered the session that is there already.
  const offered = browserSession && session?.kind === 'idp' && !request?.prompt.includes('login') ? session : undefined
  return {
    origin: request?.origin ?? caller.origin.origin,
    browserSession,
    ...(clientId === undefined ? {} : { clientId }),
    ...(more.oneSession ? { oneSession: true } : {}),
    ...(request?.hint === undefined ? {} : { hint: request.hint }),
    ...(more.anonymousUserId === undefined ? {} : { anonymousUserId: more.anonymousUserId }),
    ...(offered === undefined
      ? {}
      : {
          account: {
            session: offered.session.id.toString('base64url'),
            userId: offered.user.id,
            displayName: displayName(offered.user),
          },
        }),
    ...(uiLocales === undefined ? {} : { uiLocales }),
  }
}

/** An ID token hint that came with the authorization request answers a re-authentication's first question (§3.4). */
function startingFacts(flow: Flow): Fact[] {
  const { hint } = flow.context
  const [first] = flow.steps
  if (flow.type !== 'reauth' || hint === undefined || first?.type !== 'identify') return []
  const branch = branchesOf(first).findIndex((one) => 'identification' in one && one.identification === 'id_token')
  if (branch < 0) return []
  return [
    {
      at: '0',
      kind: 'identified',
      branch,
      identification: 'id_token',
      userId: hint.sub,
      ...(hint.sid === undefined ? {} : { sid: hint.sid }),
    },
  ]
}

async function begin(
  node: Node,
  project: Project,
  flow: Flow,
  facts: readonly Fact[],
  with_: { oauthRequestId: Buffer | null; caller: FlowCaller },
): Promise<FlowView> {
  const { world } = node
  const scope = scopeOf(world.db, project)
  const { oauthRequestId, caller } = with_
  const stored = await insertFlow(
    scope,
    { id: world.random(32), flow, configVersion: project.version, browser: browserOf(caller), oauthRequestId },
    world.clock.now(),
  )
  const moved = await proceed({ node, project, caller, run: { flow, facts }, spender: spenderOf(stored) }, undefined)
  if (moved.refusal !== undefined) throw moved.refusal
  return settle(node, project, stored, moved, caller)
}

function browserOf(caller: FlowCaller): Buffer | null {
  return caller.browser === undefined ? null : digest(caller.browser)
}

function spenderOf({ id, browser }: StoredFlow): string | undefined {
  return browser === null ? undefined : id.toString('base64url')
}

// ---- going on -----------------------------------------------------------------------------------------------------

type Moved = { run: Run; turn: Turn; refusal?: Refusal; fed: number }

/**
 * Feeds one input to as many questions as it fits, running errands between them. Every pass adds a fact or is the last,
 * so it settles. A question, and any stage but choosing, takes an input at most once: a code is tried in one place only.
 */
export async function proceed(tools: Tools, input: Record<string, unknown> | undefined): Promise<Moved> {
  const { flow } = tools.run
  let facts = tools.run.facts
  const answered = new Set<string>()
  let fed = 0
  for (;;) {
    const run: Run = { flow, facts }
    const turn = advance(flow, facts)
    const at = { ...tools, run }
    try {
      if (turn.kind === 'errand') {
        facts = [...facts, ...(await runErrand(at, turn))]
        continue
      }
      if (turn.kind === 'finished' || input === undefined) return { run, turn, fed }
      const key = turn.stage === 'choose' ? `${turn.at} choose` : turn.stage
      if (answered.has(key)) return { run, turn, fed }
      answered.add(key)
      const place = placeAt(run, turn.at)
      const rules = rulesOf(turn.step)
      if (rules === undefined) throw new Error(`nothing checks ${turn.step}`)
      const checked = check(rules.accepts(turn, place as never, run, input), input, { secret: true })
      if (!checked.ok) {
        if (fed > 0) return { run, turn, fed }
        return {
          run,
          turn,
          fed,
          refusal: new Refusal({
            name: 'Invalid',
            reason: 'ValidationFailed',
            message: 'invalid input',
            info: { causes: checked.faults },
          }),
        }
      }
      facts = [...facts, ...(await rules.check(at, turn, place as never, checked.data as never))]
      fed += 1
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { run, turn, fed, refusal: error }
    }
  }
}

/**
 * Answers a state's question. One input may answer several questions; finishing sets `action.type` to `finished`, with
 * `data.finish_redirect_uri` when an authorization request waits, and `cookies`.
 * Without a state token, `{"account_recovery_code"}` of a link goes on with the recovery it belongs to.
 * @throws FlowRefusal when the input is refused; Refusal `AuthenticationFlowNotFound`.
 */
export async function submit(
  node: Node,
  project: Project,
  stateToken: string | undefined,
  input: unknown,
  caller: FlowCaller,
): Promise<FlowView> {
  const given = (typeof input === 'object' && input !== null && !Array.isArray(input) ? input : {}) as Record<
    string,
    unknown
  >
  if (stateToken === undefined) return resume(node, project, given, caller)
  const { stored, facts } = await load(node, project, stateToken, caller)
  if (stored.result !== undefined) return finishedView(stateToken, stored, repeat(node, project, stored, caller))
  const tools: Tools = { node, project, caller, run: { flow: stored.flow, facts }, spender: spenderOf(stored) }
  const moved = await proceed(tools, given)
  if (moved.refusal === undefined) return settle(node, project, stored, moved, caller)
  await noteFailure(node, project, moved)
  throw new FlowRefusal(
    withType(moved.refusal, moved),
    await viewAfter(node, project, stored, moved, { stateToken, facts }),
  )
}

function withType(refusal: Refusal, moved: Moved): Refusal {
  const type =
    moved.turn.kind === 'question' || moved.turn.kind === 'finished' ? moved.turn.flow.type : moved.run.flow.type
  return new Refusal({
    name: refusal.name,
    reason: refusal.reason,
    message: refusal.message,
    info: { FlowType: type, ...refusal.info },
    ...(refusal.detail === undefined ? {} : { detail: refusal.detail }),
    ...(refusal.retryAfter === undefined ? {} : { retryAfter: refusal.retryAfter }),
  })
}

/** Where to go on after a refusal: the question that refused, when the input had brought us to it; else the one before. */
async function viewAfter(
  node: Node,
  project: Project,
  stored: StoredFlow,
  moved: Moved,
  before: { stateToken: string; facts: readonly Fact[] },
): Promise<FlowView> {
  if (moved.fed > 0 && moved.turn.kind === 'question') return keep(node, project, stored, moved.run, moved.turn)
  const run: Run = { flow: stored.flow, facts: before.facts }
  const turn = advance(run.flow, run.facts)
  if (turn.kind !== 'question') throw flowGone()
  return viewOf(node, project, run, turn, before.stateToken)
}

async function keep(node: Node, project: Project, stored: StoredFlow, run: Run, turn: Question): Promise<FlowView> {
  const { world } = node
  const token = newStateToken(world.random)
  if (!(await insertState(scopeOf(world.db, project), stored.id, token, run.facts, world.clock.now()))) throw flowGone()
  return viewOf(node, project, run, turn, token)
}

async function settle(
  node: Node,
  project: Project,
  stored: StoredFlow,
  moved: Moved,
  caller: FlowCaller,
): Promise<FlowView> {
  const { turn, run } = moved
  if (turn.kind === 'question') return keep(node, project, stored, run, turn)
  if (turn.kind === 'errand') throw new Error('an errand was left undone')
  const { world } = node
  const token = newStateToken(world.random)
  await insertState(scopeOf(world.db, project), stored.id, token, run.facts, world.clock.now())
  return finishedView(token, stored, await finish(node, project, stored, run, turn.flow.type, caller))
}

function finishedView(stateToken: string, stored: StoredFlow, finished: FinishedFlow): FlowView {
  const { finishRedirectUri } = finished
  return {
    stateToken,
    type: finished.type,
    name: stored.flow.name,
    action: {
      type: 'finished',
      data: finishRedirectUri === undefined ? {} : { finish_redirect_uri: finishRedirectUri },
    },
    about: {},
    cookies: finished.cookies,
  }
}

// ---- reading ------------------------------------------------------------------------------------------------------

async function load(node: Node, project: Project, stateToken: string, caller: FlowCaller) {
  if (!isStateToken(stateToken)) throw flowGone()
  const found = await findState(scopeOf(node.world.db, project), stateToken, node.world.clock.now())
  if (found === undefined) throw flowGone()
  const browser = browserOf(caller)
  if (found.stored.browser !== null && (browser === null || !browser.equals(found.stored.browser))) throw flowGone()
  if (found.stored.result !== undefined && found.stored.browser === null) throw flowGone()
  return found
}

/**
 * Reads a state again. Any state of an unfinished flow stays good; a finished one answers its own browser as it did.
 * @throws Refusal `AuthenticationFlowNotFound` for unknown, expired or finished flows and for another browser's.
 */
export async function readState(
  node: Node,
  project: Project,
  stateToken: string,
  caller: FlowCaller,
): Promise<FlowView> {
  const { stored, facts } = await load(node, project, stateToken, caller)
  if (stored.result !== undefined) return finishedView(stateToken, stored, repeat(node, project, stored, caller))
  const run: Run = { flow: stored.flow, facts }
  const turn = advance(run.flow, run.facts)
  if (turn.kind !== 'question') throw flowGone()
  return viewOf(node, project, run, turn, stateToken)
}

// ---- links of recovery --------------------------------------------------------------------------------------------

/** Goes on with a recovery from its link's code alone: the device that opens the mail need not be the one that asked. */
async function resume(
  node: Node,
  project: Project,
  input: Record<string, unknown>,
  caller: FlowCaller,
): Promise<FlowView> {
  const code = input.account_recovery_code
  const link = typeof code === 'string' ? await findLink(node, project, 'forgot-password', code) : undefined
  if (link === undefined || link.state === 'expired') throw recoveryFailed('InvalidCode')
  if (link.state === 'used') throw recoveryFailed('UsedCode')
  const { flow: name, facts } = link.data as { flow: string; facts: Fact[] }
  const steps = flowSteps(project.config, 'account_recovery', name)
  if (steps === undefined) throw recoveryFailed('InvalidCode')
  const flow: Flow = {
    ...steps,
    others: [],
    terms: termsOf(project.config, node.world.clock.now()),
    context: { origin: caller.origin.origin, browserSession: true },
  }
  // The message is out already: the step must not send another.
  const turn = advance(flow, facts)
  if (turn.kind !== 'errand' || turn.errand !== 'send') throw recoveryFailed('InvalidCode')
  const begun = await begin(
    node,
    project,
    flow,
    [...facts, { at: turn.at, kind: 'sent', sending: turn.sending, again: 0 }],
    { oauthRequestId: null, caller },
  )
  return submit(node, project, begun.stateToken, input, caller)
}

// ---- what is noted ------------------------------------------------------------------------------------------------

const failures: Record<string, true> = {
  InvalidCredentials: true,
  InvalidVerificationCode: true,
  PasswordResetFailed: true,
  UserNotFound: true,
}

/** A failed attempt is news for whoever watches the project. */
async function noteFailure(node: Node, project: Project, moved: Moved): Promise<void> {
  const { refusal, run, turn } = moved
  if (refusal === undefined || failures[refusal.reason] !== true) return
  const userId = userIdOf(run)
  const type = refusal.info?.LoginIDTypeIncoming
  const said = refusal.info?.AuthenticationType
  const factor = typeof said === 'string' ? said : turn.kind === 'question' ? turn.step : 'login'
  await inTransaction(scopeOf(node.world.db, project), (tx) =>
    append(tx, node.world.clock.now(), 'authentication.failed', {
      ...(userId === undefined ? {} : { user_id: userId }),
      factor,
      reason: refusal.reason,
      ...(typeof type === 'string' ? { login_id_type: type } : {}),
    }),
  )
}
