// Facts → one transaction: users, identities, credentials, the browser session, and what the application will redeem.
// Facts have aged by now, so whatever another flow may have changed is looked at again.
import { createHmac } from 'node:crypto'
import { deviceTokenCookie, insertDeviceToken, newDeviceToken } from '../authenticators/device_token.ts'
import { append } from '../events/log.ts'
import { setCookie } from '../http/cookies.ts'
import { forgiveAddress } from '../limits/lockout.ts'
import { addressKey, charge } from '../limits/rate.ts'
import type { Node } from '../node.ts'
import { newSecret } from '../oauth/one_time.ts'
import { insertAuthenticationResult } from '../oauth/results.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import type { Origin } from '../projects/origins.ts'
import { Refusal } from '../refusal.ts'
import { mintCookie, readSid } from '../sessions/credential.ts'
import { sessionCookies, startBrowserSession } from '../sessions/start.ts'
import { lockUser, raiseAuthTime } from '../sessions/store.ts'
import { inTransaction, type Scope, type Tx } from '../storage/database.ts'
import { barred } from '../users/status.ts'
import { touchLastLogin } from '../users/store.ts'
import type { Instant, Random } from '../world.ts'
import { amrOf } from './amr.ts'
import type { FlowCaller } from './answer.ts'
import type { FlowType } from './config.ts'
import { factsOf, type Run, userIdOf } from './run.ts'
import { type FlowResult, findResult, finishFlow, type StoredFlow, saveResult } from './store.ts'
import { logIn, promote, recover, signUp, stillTheirs } from './write.ts'

export type FinishedFlow = { type: FlowType; finishRedirectUri: string | undefined; cookies: string[] }

type Writing = {
  node: Node
  project: Project
  caller: FlowCaller
  stored: StoredFlow
  run: Run
  type: FlowType
  now: Instant
}

/**
 * Writes what the flow came to, once; a repeat from the same browser is answered from what was written.
 * @throws Refusal when something has changed since it was checked: `DuplicatedIdentity`, an account status, `UserNotFound`.
 */
export async function finish(
  node: Node,
  project: Project,
  stored: StoredFlow,
  run: Run,
  type: FlowType,
  caller: FlowCaller,
): Promise<FinishedFlow> {
  const scope = scopeOf(node.world.db, project)
  const now = node.world.clock.now()
  const charged = await charge(scope, signupBuckets(project, type, caller.caller.ip), now)
  try {
    const finished = await inTransaction(scope, async (tx): Promise<FinishedFlow | undefined> => {
      if (!(await finishFlow(tx, stored.id, now))) return undefined
      const writing: Writing = { node, project, caller, stored, run, type, now }
      const { outcome, cookies } = await write(tx, writing)
      const handedOver = stored.oauthRequestId !== null && type !== 'account_recovery'
      const result: FlowResult = { ...outcome, type, handedOver, keyId: project.ring.current }
      await saveResult(tx, stored.id, result)
      const finishRedirectUri = await handOver(tx, writing, result)
      return { type, finishRedirectUri, cookies }
    })
    if (finished !== undefined) return finished
  } catch (error) {
    await charged.giveBack()
    throw error
  }
  await charged.giveBack()
  return repeat(node, project, { ...stored, result: await findResult(scope, stored.id) }, caller)
}

/**
 * What a finished flow answered, again: the same session and the same code, drawn anew from what only this browser has.
 * Nothing is written.
 * @throws Refusal `AuthenticationFlowNotFound` outside the browser that finished it.
 */
export function repeat(node: Node, project: Project, stored: StoredFlow, caller: FlowCaller): FinishedFlow {
  const { result } = stored
  if (stored.browser === null || result === undefined) throw flowGone()
  const origin = originOf(project, stored.flow.context.origin) ?? caller.origin
  const chance = (what: Drawn) => drawn(node, project, stored, caller, { what, keyId: result.keyId })
  const cookies: string[] = []
  if (result.newSession) {
    const ring = { ...project.ring, current: result.keyId }
    const { token } = mintCookie('session', { ring, projectId: project.id, random: chance('session') })
    cookies.push(...sessionCookies(project, origin, token), signedUpCookie(origin))
  }
  if (result.trustedDays !== undefined)
    cookies.push(deviceCookie(origin, newDeviceToken(chance('device')), result.trustedDays))
  const finishRedirectUri = result.handedOver
    ? consentUri(project, stored, newSecret(chance('code')).secret)
    : undefined
  return { type: result.type, finishRedirectUri, cookies }
}

/** Where the application's own request goes on, with a code for what was found out; nowhere when none waits. */
async function handOver(
  tx: Scope<Tx>,
  { node, project, caller, stored, now }: Writing,
  result: FlowResult,
): Promise<string | undefined> {
  if (!result.handedOver || result.userId === undefined || result.authTime === undefined) return undefined
  const code = await insertAuthenticationResult(tx, {
    oauthRequestId: stored.oauthRequestId,
    userId: result.userId,
    idpSessionId: result.idpSessionId === undefined ? null : Buffer.from(result.idpSessionId, 'base64url'),
    grantId: result.grantId === undefined ? null : Buffer.from(result.grantId, 'base64url'),
    authTime: new Date(result.authTime),
    amr: result.amr,
    browser: stored.browser,
    now,
    random: drawn(node, project, stored, caller, { what: 'code', keyId: result.keyId }),
  })
  return consentUri(project, stored, code)
}

function consentUri(project: Project, stored: StoredFlow, code: string): string {
  const origin = originOf(project, stored.flow.context.origin) ?? project.origins[0]
  return `${origin.origin}/oauth2/consent?code=${code}`
}

/** Tells the front page to greet this browser with the login page next time. */
function signedUpCookie(origin: Origin): string {
  return setCookie(
    { name: `${origin.cookiePrefix}signed_up`, value: 'true', sameSite: 'Lax', maxAgeSeconds: 400 * 86_400 },
    origin,
  )
}

function deviceCookie(origin: Origin, token: string, days: number): string {
  return setCookie(
    { name: origin.cookiePrefix + deviceTokenCookie, value: token, sameSite: 'Strict', maxAgeSeconds: days * 86_400 },
    origin,
  )
}

export function flowGone(): Refusal {
  return new Refusal({ name: 'NotFound', reason: 'AuthenticationFlowNotFound', message: 'flow not found' })
}

function signupBuckets(project: Project, type: FlowType, ip: string) {
  const limits = project.config.authentication.rate_limits
  const of = [addressKey(ip)]
  if (type === 'signup')
    return [
      { name: 'SignupPerIP', group: 'authentication.signup', per: 'per_ip' as const, of, limit: limits.signup.per_ip },
    ]
  if (type === 'promote')
    return [
      {
        name: 'SignupAnonymousPerIP',
        group: 'authentication.signup_anonymous',
        per: 'per_ip' as const,
        of,
        limit: limits.signup_anonymous.per_ip,
      },
    ]
  return []
}

// ---- writing ------------------------------------------------------------------------------------------------------

type Outcome = Omit<FlowResult, 'type' | 'handedOver' | 'keyId'>
type Written = { outcome: Outcome; cookies: string[] }

async function write(tx: Scope<Tx>, writing: Writing): Promise<Written> {
  switch (writing.type) {
    case 'signup':
      return signIn(tx, writing, await signUp(tx, writing))
    case 'promote':
      return signIn(tx, writing, await promote(tx, writing))
    case 'reauth':
      return { outcome: await reauthenticate(tx, writing), cookies: [] }
    case 'account_recovery':
      return { outcome: noSession(await recover(tx, writing)), cookies: [] }
    default:
      return trustDevice(tx, writing, await signIn(tx, writing, await logIn(tx, writing)))
  }
}

/** The token of a device that its owner wants to be trusted, and the days for which it is. */
async function trustDevice(
  tx: Scope<Tx>,
  { node, project, caller, stored, run, now }: Writing,
  { outcome, cookies }: Written,
): Promise<Written> {
  const { userId } = outcome
  if (userId === undefined || !factsOf(run, 'authenticated').some((fact) => fact.remember)) return { outcome, cookies }
  const token = newDeviceToken(drawn(node, project, stored, caller, { what: 'device', keyId: project.ring.current }))
  const trustedDays = project.config.authentication.device_token.expire_in_days
  await insertDeviceToken(tx, { userId, token, days: trustedDays }, now)
  const origin = originOf(project, stored.flow.context.origin) ?? caller.origin
  return { outcome: { ...outcome, trustedDays }, cookies: [...cookies, deviceCookie(origin, token, trustedDays)] }
}

/** What failed at this address before does not count against its owner, who has just proved to be there. */
async function forgive(tx: Scope<Tx>, { project, caller, run }: Writing, userId: string): Promise<void> {
  const authentications = factsOf(run, 'authenticated').map((fact) => fact.authentication)
  await forgiveAddress(tx, project, { userId, ip: caller.caller.ip, authentications })
}

function noSession(userId: string | undefined): Outcome {
  return { userId, authTime: undefined, amr: [], idpSessionId: undefined, grantId: undefined, newSession: false }
}

// ---- sessions -----------------------------------------------------------------------------------------------------

async function signIn(tx: Scope<Tx>, writing: Writing, userId: string): Promise<Written> {
  const { node, project, caller, stored, run, now } = writing
  const { context } = stored.flow
  const amr = amrOf(run)
  const base = { userId, authTime: now.toISOString(), amr, grantId: undefined, newSession: false }
  proves(run, amr)
  await forgive(tx, writing, userId)
  const going = factsOf(run, 'identified').at(-1)?.session
  const current = caller.session?.kind === 'idp' ? caller.session.session : undefined
  // «Continue as»: the browser's own session goes on, with what it already proved.
  if (going !== undefined && amr.length === 0) {
    if (current === undefined || current.id.toString('base64url') !== going) throw flowGone()
    return {
      outcome: { ...base, authTime: current.auth_time.toISOString(), amr: current.amr, idpSessionId: going },
      cookies: [],
    }
  }
  const origin = originOf(project, context.origin) ?? caller.origin
  if (!context.browserSession) {
    await touchLastLogin(tx, userId, now)
    await append(tx, now, 'user.authenticated', {
      user_id: userId,
      ...(context.clientId === undefined ? {} : { client_id: context.clientId }),
      amr,
    })
    return { outcome: { ...base, idpSessionId: undefined }, cookies: [signedUpCookie(origin)] }
  }
  const world = {
    ...node.world,
    random: drawn(node, project, stored, caller, { what: 'session', keyId: project.ring.current }),
  }
  const { id, cookies } = await startBrowserSession(tx, world, project, {
    userId,
    origin,
    authTime: now,
    amr,
    caller: caller.caller,
    ...(current === undefined ? {} : { replaces: { id: current.id, userId: current.user_id } }),
    ...(context.clientId === undefined ? {} : { clientId: context.clientId }),
  })
  return {
    outcome: { ...base, idpSessionId: id.toString('base64url'), newSession: true },
    cookies: [...cookies, signedUpCookie(origin)],
  }
}

/** A written flow may lack the step that asks for proof; naming an account is no way into it. */
function proves(run: Run, amr: readonly string[]): void {
  const identified = factsOf(run, 'identified')
  if (
    amr.length > 0 ||
    identified.some((fact) => fact.session !== undefined) ||
    identified.every((fact) => fact.userId === undefined)
  )
    return
  throw new Refusal({
    name: 'InternalError',
    reason: 'AuthenticationFlowInvalidFlowConfig',
    message: 'this flow asks for no proof of who it is',
  })
}

async function reauthenticate(tx: Scope<Tx>, writing: Writing): Promise<Outcome> {
  const { run, caller, now, stored } = writing
  const userId = userIdOf(run)
  if (userId === undefined) throw new Error('a re-authentication without a user')
  const user = await lockUser(tx, userId, 'share')
  if (user === undefined) throw new Refusal({ name: 'NotFound', reason: 'UserNotFound', message: 'user not found' })
  const bar = barred(user, now)
  if (bar !== undefined) throw new Refusal({ name: 'Forbidden', message: 'this account may not sign in', ...bar })
  await stillTheirs(tx, run, userId, now)
  await forgive(tx, writing, userId)
  const amr = amrOf(run)
  proves(run, amr)
  const said = factsOf(run, 'identified').at(-1)?.sid
  const named = said === undefined ? undefined : readSid(said)
  const here =
    caller.session?.kind === 'idp' && caller.session.user.id === userId && stored.flow.context.browserSession
      ? caller.session.session.id
      : undefined
  const idp = named?.kind === 'idp' ? named.id : here
  if (idp !== undefined) await raiseAuthTime(tx, 'idp', idp, { authTime: now, amr })
  const grant = named?.kind === 'offline_grant' ? named.id : undefined
  await append(tx, now, 'user.reauthenticated', {
    user_id: userId,
    ...(idp === undefined ? {} : { idp_session_id: idp.toString('base64url') }),
    ...(grant === undefined ? {} : { grant_id: grant.toString('base64url') }),
  })
  return {
    userId,
    authTime: now.toISOString(),
    amr,
    idpSessionId: idp?.toString('base64url'),
    grantId: grant?.toString('base64url'),
    newSession: false,
  }
}

type Drawn = 'session' | 'code' | 'device'

/**
 * Chance for what this flow gives out. In a browser it is drawn from the browser's own cookie and a key of the ring, so
 * that the same browser gets the same again when its first answer was lost, while database and keys alone make none.
 */
function drawn(
  node: Node,
  project: Project,
  stored: StoredFlow,
  caller: FlowCaller,
  by: { what: Drawn; keyId: number },
): Random {
  const key = project.ring.keys.get(by.keyId)
  const { browser } = caller
  if (stored.browser === null || browser === undefined || key === undefined) return node.world.random
  return (bytes) =>
    createHmac('sha256', key)
      .update(`${by.what}\0${project.id}\0${stored.id.toString('hex')}\0${browser}`)
      .digest()
      .subarray(0, bytes)
}

function originOf(project: Project, text: string): Origin | undefined {
  return project.origins.find((origin) => origin.origin === text)
}
