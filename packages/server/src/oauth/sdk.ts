// What SDKs ask beside the OAuth endpoints (wire contract §2.10, §2.11): challenges, app session tokens, anonymous users
// of web apps. JSON in, `{"result"}` or `{"error"}` out.
import { Hono } from 'hono'
import { z } from 'zod'
import { at, type Ctx, type Env } from '../http/context.ts'
import { currentSession } from '../http/current.ts'
import { readJson } from '../http/json.ts'
import { scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import { ignoresKey } from '../sessions/session.ts'
import { startBrowserSession } from '../sessions/start.ts'
import { type FoundGrant, noteIssued } from '../sessions/store.ts'
import { inTransaction } from '../storage/database.ts'
import { createAnonymousUser } from '../users/anonymous.ts'
import { isAnonymous } from '../users/facts.ts'
import { hasFullAccess } from './clients.ts'
import { accessExpiry, accessToken, jwtExpiry } from './issue.ts'
import { insertOneTimeToken } from './one_time.ts'
import { grantOfRefreshToken } from './presented_grant.ts'
import { readProof } from './proof.ts'
import { fullAccess } from './scopes.ts'
import { defaultScopes, startGrant } from './start_grant.ts'

export const sdkDoor = new Hono<Env>()

sdkDoor.use('/api/anonymous_user/*', async (c, next) => {
  await next()
  c.res.headers.set('cache-control', 'no-store')
  c.res.headers.set('pragma', 'no-cache')
})

const chance = (c: Ctx) => ({ random: at(c).world.random, now: at(c).world.clock.now() })

const Challenge = z.strictObject({ purpose: z.enum(['anonymous_request', 'biometric_request', 'app2app_request']) })

sdkDoor.post('/oauth2/challenge', async (c) => {
  const { purpose } = await readJson(c, Challenge)
  const { world, project } = at(c)
  const { token, expiresAt } = await insertOneTimeToken(scopeOf(world.db, project), 'challenge', { purpose }, chance(c))
  return c.json({ result: { token, expire_at: expiresAt.toISOString() } })
})

const forbidden = (reason: string, message: string) => new Refusal({ name: 'Forbidden', reason, message })

/** The live grant behind a refresh token, without spending it. @throws Refusal 403 `InvalidGrant`, which clears an SDK's session. */
async function grantOf(c: Ctx, text: string): Promise<FoundGrant> {
  const { world, project } = at(c)
  const found = await grantOfRefreshToken(world, project, text)
  if (found === undefined) throw forbidden('InvalidGrant', 'invalid refresh token')
  return found
}

const AppSession = z.strictObject({ refresh_token: z.string().max(4096) })

sdkDoor.post('/oauth2/app_session_token', async (c) => {
  const { refresh_token } = await readJson(c, AppSession)
  const { world, project } = at(c)
  const { grant } = await grantOf(c, refresh_token)
  const client = project.clients.get(grant.client_id)
  if (client === undefined || !hasFullAccess(client) || !grant.scopes.includes(fullAccess))
    throw forbidden('Forbidden', 'the session has no full access')
  const proof = readProof(c, client)
  if (grant.dpop_jkt !== null && !ignoresKey(client) && (proof.kind !== 'good' || proof.jkt !== grant.dpop_jkt))
    throw forbidden('Forbidden', 'the session is bound to another DPoP key')
  const { token, expiresAt } = await insertOneTimeToken(
    scopeOf(world.db, project),
    'app_session_token',
    { grant_id: grant.id.toString('base64url') },
    chance(c),
  )
  return c.json({ result: { app_session_token: token, expire_at: expiresAt.toISOString() } })
})

const invalid = (message: string) => new Refusal({ name: 'Invalid', reason: 'Invalid', message })

const AnonymousSignup = z.strictObject({
  session_type: z.enum(['cookie', 'refresh_token']),
  client_id: z.string().optional(),
  refresh_token: z.string().max(4096).optional(),
})

sdkDoor.post('/api/anonymous_user/signup', async (c) => {
  const body = await readJson(c, AnonymousSignup)
  return body.session_type === 'cookie' ? anonymousCookie(c) : anonymousTokens(c, body)
})

async function anonymousCookie(c: Ctx): Promise<Response> {
  const { world, project, origin, caller } = at(c)
  const session = await currentSession(c, 'browser')
  if (session !== undefined) {
    if (!isAnonymous(session.user)) throw invalid('user logged in as normal user')
    return c.json({ result: {} })
  }
  const userId = await createAnonymousUser(world, project, { ip: caller.ip })
  const now = world.clock.now()
  const { cookies } = await inTransaction(scopeOf(world.db, project), (tx) =>
    startBrowserSession(tx, world, project, { userId, origin, authTime: now, amr: [], caller }),
  )
  for (const cookie of cookies) c.header('set-cookie', cookie, { append: true })
  return c.json({ result: {} })
}

async function anonymousTokens(c: Ctx, body: z.output<typeof AnonymousSignup>): Promise<Response> {
  const { node, world, project, origin, caller } = at(c)
  const client = project.clients.get(body.client_id ?? '')
  if (client === undefined) throw invalid('invalid client ID')
  if (!hasFullAccess(client)) throw invalid('this client type is not supported')
  if (client.dpop_bound_access_tokens) throw invalid('tokens of this client are bound to a key, which none proves here')
  if (body.refresh_token !== undefined && body.refresh_token !== '') {
    const found = await grantOf(c, body.refresh_token).catch(() => {
      throw invalid('invalid refresh token')
    })
    const { grant, user } = found
    if (grant.client_id !== client.client_id) throw invalid('invalid refresh token')
    if (!isAnonymous(user)) throw invalid('user logged in as normal user')
    const now = world.clock.now()
    const expiresAt = accessExpiry(client, now)
    if (!(await noteIssued(scopeOf(world.db, project), grant.id, jwtExpiry(client, now))))
      throw invalid('invalid refresh token')
    const access_token = await accessToken(world, project, client, { holder: grant, user, now, expiresAt, jkt: null })
    return c.json({ result: { token_type: 'Bearer', access_token, expires_in: client.access_token_lifetime_seconds } })
  }
  const userId = await createAnonymousUser(world, project, { ip: caller.ip })
  const tokens = await startGrant(node, project, {
    kind: 'anonymous',
    userId,
    client,
    origin,
    caller,
    scopes: defaultScopes,
    amr: [],
    jkt: null,
  })
  const { token_type, access_token, expires_in, refresh_token } = tokens
  return c.json({ result: { token_type, access_token, expires_in, refresh_token } })
}

const Promotion = z.strictObject({
  session_type: z.enum(['cookie', 'refresh_token']),
  refresh_token: z.string().max(4096).optional(),
})

sdkDoor.post('/api/anonymous_user/promotion_code', async (c) => {
  const body = await readJson(c, Promotion)
  const { world, project } = at(c)
  const user =
    body.session_type === 'cookie'
      ? (await currentSession(c, 'browser'))?.user
      : await anonymousUserOf(c, body.refresh_token)
  if (user === undefined)
    throw new Refusal({ name: 'Unauthorized', reason: 'Unauthorized', message: 'nobody is signed in' })
  if (!isAnonymous(user)) throw invalid('user logged in as normal user')
  const { token, expiresAt } = await insertOneTimeToken(
    scopeOf(world.db, project),
    'promotion_code',
    { user_id: user.id },
    chance(c),
  )
  return c.json({ result: { promotion_code: token, expire_at: expiresAt.toISOString() } })
})

async function anonymousUserOf(c: Ctx, token: string | undefined) {
  const found = await grantOf(c, token ?? '')
  if (!found.grant.scopes.includes(fullAccess)) throw forbidden('Forbidden', 'the session has no full access')
  return found.user
}
