// The person's half of RFC 8628: from the code that they type to what they decide. The decision is asked where other
// requests ask for consent, so that signing in comes first and belongs to this browser.

import type { Caller } from '../http/context.ts'
import { at, type Ctx } from '../http/context.ts'
import { addressKey, type Bucket, charge } from '../limits/rate.ts'
import type { Node } from '../node.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import type { Origin } from '../projects/origins.ts'
import { inTransaction } from '../storage/database.ts'
import { authorize } from './codes.ts'
import { type Device, decideDevice, findDevice, readUserCode, shownUserCode } from './device_codes.ts'
import type { Signed } from './finish.ts'
import type { OAuthRequest } from './request.ts'
import { saveOAuthRequest } from './requests.ts'

/** The page where codes are typed. */
export const devicePath = '/device'

/** Wrong codes from one address; a right one costs nothing. */
const guesses = (ip: string): Bucket => ({
  name: 'DeviceUserCode',
  group: 'oauth.device',
  per: 'per_ip',
  of: [addressKey(ip)],
  limit: { enabled: true, burst: 10, period: 600 },
})

/**
 * Begins the request that a typed code stands for, which waits for somebody to sign in and decide.
 * @returns its `x_ref`, or why there is nothing to decide.
 * @throws Refusal 429 after ten codes that nobody shows, in ten minutes from one address.
 */
export async function requestOfDevice(
  node: Node,
  project: Project,
  given: { userCode: string; origin: Origin; caller: Caller; uiLocales: string },
): Promise<{ ref: string } | 'unknown' | 'expired'> {
  const { world } = node
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  const userCode = readUserCode(given.userCode)
  if (userCode === undefined) return 'unknown'
  const charged = await charge(scope, [guesses(given.caller.ip)], now)
  const device = await findDevice(scope, { userCode })
  if (device === undefined || !project.clients.has(device.client_id)) return 'unknown'
  await charged.giveBack()
  if (device.status !== 'pending' || now >= device.expires_at) return 'expired'
  const request: OAuthRequest = {
    clientId: device.client_id,
    redirectUri: `${given.origin.origin}${devicePath}`,
    responseType: 'none',
    responseMode: 'query',
    scopes: device.scopes,
    origin: given.origin.origin,
    prompt: [],
    uiLocales: given.uiLocales,
    browserSession: true,
    sso: false,
    device: device.id.toString('base64url'),
  }
  return { ref: await saveOAuthRequest(scope, { request, random: world.random, now }) }
}

function deviceOf(c: Ctx, request: OAuthRequest): Promise<Device | undefined> {
  const { world, project } = at(c)
  const id = Buffer.from(request.device ?? '', 'base64url')
  return findDevice(scopeOf(world.db, project), { id }) as Promise<Device | undefined>
}

/** Asks whether the device may sign in as this user. */
export async function askAboutDevice(c: Ctx, request: OAuthRequest, userId: string): Promise<Response> {
  const device = await deviceOf(c, request)
  if (device?.status !== 'pending' || at(c).world.clock.now() >= device.expires_at) return ended(c, device)
  const { pathname, search } = new URL(c.req.url)
  const about = { clientId: request.clientId, scopes: device.scopes, userId, action: pathname + search }
  return c.get('views').approveDevice(c, { ...about, userCode: shownUserCode(device.user_code) })
}

/** Notes the decision and says what came of it. */
export async function answerDevice(c: Ctx, request: OAuthRequest, signed: Signed, allows: boolean): Promise<Response> {
  const { world, project } = at(c)
  const now = world.clock.now()
  const device = await deviceOf(c, request)
  if (device !== undefined)
    await inTransaction(scopeOf(world.db, project), async (tx) => {
      if (!allows) return decideDevice(tx, device.id, 'denied', now)
      const { userId, authTime, amr } = signed
      const record = { userId, clientId: device.client_id, scopes: device.scopes }
      const authorizationId = await authorize(tx, record, now)
      return decideDevice(tx, device.id, { userId, authorizationId, authTime, amr }, now)
    })
  return ended(c, await deviceOf(c, request))
}

/** The page that says how it ended; a second press of the button says the same. */
function ended(c: Ctx, device: Device | undefined): Response {
  const how =
    device?.status === 'approved' || device?.status === 'redeemed'
      ? 'q_done=approved'
      : device?.status === 'denied'
        ? 'q_done=denied'
        : 'q_problem=expired'
  return c.redirect(`${devicePath}?${how}`, 303)
}
