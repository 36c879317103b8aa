// The OAuth and OpenID Connect endpoints. Shared phases stand here, so that no grant can forget them.
import { Hono } from 'hono'
import { getCookie } from 'hono/cookie'
import { at, type Ctx, type Env } from '../http/context.ts'
import { currentSession } from '../http/current.ts'
import { isSameOrigin } from '../http/same_origin.ts'
import { keptKeys, publishedFor } from '../keys/rotate.ts'
import { charge } from '../limits/rate.ts'
import { scopeOf } from '../projects/find.ts'
import { oauthRefusal, Refusal } from '../refusal.ts'
import { databaseOutage } from '../storage/database.ts'
import { openAppSession } from './app_session.ts'
import { asJson } from './as_json.ts'
import { type Checked, checkAuthorize } from './authorize.ts'
import { carryDoor, throughHub, toHub } from './carry.ts'
import { clientOf, clientRequest, perAddress } from './client_request.ts'
import { answerDevice, askAboutDevice } from './device.ts'
import { deviceAuthorizationDoor } from './device_authorization.ts'
import { discoveryDocument } from './discovery.ts'
import { endSessionDoor } from './end_session.ts'
import { addressOf, complete, needsConsent, type Signed, scopesToAllow, shortcoming } from './finish.ts'
import { readForm } from './form.ts'
import { grants } from './grants.ts'
import { introspectionDoor } from './introspect.ts'
import { digestOf } from './one_time.ts'
import { parDoor } from './par.ts'
import { openPreAuthenticated } from './pre_authenticated_url.ts'
import { demandProof, readProof } from './proof.ts'
import { redirectAllowed } from './redirect_uri.ts'
import { type Hints, type OAuthRequest, resumePath } from './request.ts'
import { findOAuthRequest, findOAuthRequestById, findPushed, pushedUri, saveOAuthRequest } from './requests.ts'
import { answer, appended, goTo } from './respond.ts'
import { findAuthenticationResult, takeAuthenticationResult } from './results.ts'
import { revocationsDoor } from './revocations.ts'
import { revoke } from './revoke.ts'
import { preAuthenticatedUrl } from './scopes.ts'
import { sdkDoor } from './sdk.ts'
import { answerUserInfo } from './userinfo.ts'

export const oauthDoor = new Hono<Env>()

const cacheable = new Set(['/oauth2/jwks'])

oauthDoor.use('/oauth2/*', async (c, next) => {
  await next()
  if (cacheable.has(c.req.path)) return
  c.res.headers.set('cache-control', 'no-store')
  c.res.headers.set('pragma', 'no-cache')
})

for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'])
  oauthDoor.get(path, (c) =>
    c.json(discoveryDocument(at(c).project, at(c).origin), 200, { 'cache-control': 'public, max-age=300' }),
  )

oauthDoor.get('/oauth2/jwks', (c) => {
  const { project, world } = at(c)
  const keys = keptKeys(project.signingKeys, publishedFor(project.config), world.clock.now()).map(
    (key) => key.publicJwk,
  )
  return c.json({ keys }, 200, { 'cache-control': 'public, max-age=300' })
})

// ---- authorization endpoint -----------------------------------------------------------------------------------------

oauthDoor.on(['GET', 'POST'], '/oauth2/authorize', async (c) => {
  let checked: Checked
  try {
    checked = await checkedRequest(c)
  } catch (error) {
    if (error instanceof Refusal && error.oauth !== undefined)
      return protocolError(c, { error: error.oauth, description: error.message })
    throw error
  }
  try {
    return await authorized(c, checked)
  } catch (error) {
    // Past the checks an error goes back to the client, which knows best what to show.
    if (checked.kind === 'page' || databaseOutage(error) !== undefined) throw error
    const refusal = error instanceof Refusal ? error : undefined
    if (refusal === undefined) at(c).world.log.error({ err: error, tracking_id: c.get('trackingId') }, 'authorize')
    return answer(c, checked.to, {
      error: refusal?.oauth ?? 'server_error',
      error_description: refusal?.message ?? 'unexpected error',
    })
  }
})

/** The request as it came, or as it was pushed before: then nothing else beside it counts (RFC 9126 §4). */
async function checkedRequest(c: Ctx): Promise<Checked> {
  const { world, project, origin } = at(c)
  const form = await readForm(c)
  const uri = form.get('request_uri')
  if (uri === undefined || !uri.startsWith(pushedUri)) return checkAuthorize(form, project, origin)
  const pushed = await findPushed(scopeOf(world.db, project), uri, form.get('client_id') ?? '', world.clock.now())
  if (pushed === undefined)
    return { kind: 'page', error: 'invalid_request_uri', description: 'the request_uri is unknown, used or too old' }
  const checked = checkAuthorize(pushed.params, project, origin, true)
  if (checked.kind !== 'request') return checked
  const turn = world.random(12).toString('base64url')
  return { ...checked, request: { ...checked.request, pushed: { id: pushed.id, turn } } }
}

function authorized(c: Ctx, checked: Checked): Response | Promise<Response> {
  switch (checked.kind) {
    case 'page':
      return protocolError(c, checked)
    case 'error':
      return answer(c, checked.to, { error: checked.error, error_description: checked.description })
    case 'app_session':
      return openAppSession(c, checked)
    case 'pre_authenticated':
      return openPreAuthenticated(c, checked)
    case 'request':
      return checked.silent ? silently(c, checked.request) : visibly(c, checked.request, checked.hints)
  }
}

/**
 * On an origin whose cookies are not the hub's, the hub is asked first whether this browser is signed in, and learns of
 * the sign-in that may follow. Undefined when there is no need.
 */
async function hubFirst(c: Ctx, request: OAuthRequest): Promise<Response | undefined> {
  const { world, project, origin } = at(c)
  if (!origin.carries || !request.browserSession) return undefined
  if ((await usableSession(c, request)) !== undefined && request.prompt.length === 0) return undefined
  const ref = await saveOAuthRequest(scopeOf(world.db, project), {
    request,
    random: world.random,
    now: world.clock.now(),
  })
  return throughHub(c, `${resumePath}?x_ref=${ref}`)
}

oauthDoor.get(resumePath, async (c) => {
  const { world, project } = at(c)
  const ref = c.req.query('x_ref') ?? ''
  const saved = await findOAuthRequest(scopeOf(world.db, project), ref, world.clock.now())
  if (saved === undefined || !project.clients.has(saved.request.clientId))
    return protocolError(c, { error: 'invalid_request', description: 'this sign-in has expired; start again' })
  return saved.request.silent ? silentlyHere(c, saved.request) : toPages(c, saved.request, ref)
})

function protocolError(c: Ctx, about: { error: string; description: string }): Response | Promise<Response> {
  if ((c.req.header('accept') ?? '').includes('text/html')) return c.get('views').protocolError(c, about)
  return c.text(
    `Invalid OAuth authorization request:\nerror: ${about.error}\nerror_description: ${about.description}\n`,
    400,
  )
}

/** The browser's session, when the request may use it. */
async function usableSession(c: Ctx, request: OAuthRequest) {
  const session = request.browserSession ? await currentSession(c, 'browser') : undefined
  return session?.kind === 'idp' ? session : undefined
}

type IdpSession = NonNullable<Awaited<ReturnType<typeof usableSession>>>

const signedBy = ({ session, user }: IdpSession): Signed => ({
  userId: user.id,
  idpSessionId: session.id,
  grantId: null,
  authTime: session.auth_time,
  amr: session.amr,
})

/** The session that a pre-authenticated URL opened in this browser; it may go on to tokens of its own. */
async function signedByApp(c: Ctx): Promise<Signed | undefined> {
  const session = await currentSession(c, 'cookies')
  if (session?.kind !== 'offline_grant' || session.tokenId === undefined) return undefined
  const { grant } = session
  if (!grant.scopes.includes(preAuthenticatedUrl)) return undefined
  const idpSessionId = grant.sso ? grant.idp_session_id : null
  return { userId: session.user.id, idpSessionId, grantId: null, authTime: grant.auth_time, amr: grant.amr }
}

/** `prompt=none`: finished without a page, or not at all (OpenID Core §3.1.2.6). */
async function silently(c: Ctx, request: OAuthRequest): Promise<Response> {
  return (await hubFirst(c, { ...request, silent: true })) ?? silentlyHere(c, request)
}

async function silentlyHere(c: Ctx, request: OAuthRequest): Promise<Response> {
  const refuse = (error: string, description: string) =>
    answer(c, addressOf(request), { error, error_description: description })
  const session = await usableSession(c, request)
  const signed = session === undefined ? await signedByApp(c) : signedBy(session)
  if (signed === undefined) return refuse('login_required', 'nobody is signed in')
  const short = await shortcoming(c, request, signed, at(c).world.clock.now())
  if (short !== undefined) return refuse(short.error, short.description)
  if (await needsConsent(c, request, signed.userId)) return refuse('consent_required', 'the user has not allowed this')
  return complete(c, request, signed)
}

/** Hands over to the pages, unless the request itself shows that no question is left. */
async function visibly(c: Ctx, request: OAuthRequest, hints: Hints): Promise<Response> {
  const { world, project } = at(c)
  const now = world.clock.now()
  const session = await usableSession(c, request)
  if (session !== undefined && request.prompt.length === 0 && request.maxAge !== undefined) {
    const good =
      (await shortcoming(c, request, signedBy(session), now)) === undefined &&
      !(await needsConsent(c, request, session.user.id))
    if (good && request.loginHint === undefined) return complete(c, request, signedBy(session))
  }
  const through = await hubFirst(c, { ...request, hints })
  if (through !== undefined) return through
  const ref = await saveOAuthRequest(scopeOf(world.db, project), { request, random: world.random, now })
  return toPages(c, { ...request, hints }, ref)
}

/** To our pages, or the client's own. */
function toPages(c: Ctx, request: OAuthRequest, ref: string): Response {
  const { project, origin } = at(c)
  const client = project.clients.get(request.clientId)
  const members: [string, string][] = Object.entries({
    x_ref: ref,
    client_id: request.clientId,
    redirect_uri: request.redirectUri,
    ui_locales: request.uiLocales,
    state: request.state,
    x_state: request.xState,
    x_color_scheme: request.colorScheme,
    ...(client?.x_custom_ui_uri === undefined ? {} : request.hints),
  }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as [string, string]]))
  const entry = client?.x_custom_ui_uri ?? `${origin.origin}/_internals/oauth_entrypoint`
  return c.redirect(appended(entry, members, 'query'), 302)
}

// ---- after the pages ------------------------------------------------------------------------------------------------

oauthDoor.on(['GET', 'POST'], '/oauth2/consent', async (c) => {
  const { world, project, origin } = at(c)
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  const form = await readForm(c)
  const binding = getCookie(c, `${origin.cookiePrefix}authgear_web_session`)
  const browser = binding === undefined ? undefined : digestOf(binding)
  const code = form.get('code') ?? ''
  const result = await findAuthenticationResult(scope, code, browser, now)
  const saved = result?.oauthRequestId ? await findOAuthRequestById(scope, result.oauthRequestId) : undefined
  if (result === undefined || saved === undefined) return expired(c, form)
  const { request } = saved
  if (!project.clients.has(request.clientId))
    return protocolError(c, { error: 'unauthorized_client', description: 'invalid client ID' })
  if (c.req.method === 'GET' && result.idpSessionId !== null) {
    const { pathname, search } = new URL(c.req.url)
    const told = await toHub(c, result.idpSessionId, pathname + search)
    if (told !== undefined) return told
  }

  const short = await shortcoming(c, request, result, saved.createdAt)
  if (short !== undefined)
    return answer(c, addressOf(request), { error: short.error, error_description: short.description })

  const action = c.req.method === 'POST' ? form.get('x_action') : undefined
  if (action !== undefined && !isSameOrigin(c)) return c.text('this form was sent from another site', 403)
  if (action !== undefined && action !== 'consent' && action !== 'cancel') return c.text('Unknown action', 400)
  if (action === undefined && request.device !== undefined) return askAboutDevice(c, request, result.userId)
  if (action === undefined && (await needsConsent(c, request, result.userId))) {
    const about = {
      clientId: request.clientId,
      scopes: scopesToAllow(request),
      userId: result.userId,
      leadsTo: request.redirectUri,
    }
    return c.get('views').consent(c, { ...about, action: c.req.url.slice(new URL(c.req.url).origin.length) })
  }
  if ((await takeAuthenticationResult(scope, code, browser, now)) === undefined) return expired(c, form)
  if (request.device !== undefined) return answerDevice(c, request, result, action === 'consent')
  if (action === 'cancel')
    return answer(c, addressOf(request), { error: 'access_denied', error_description: 'the user did not allow it' })
  return complete(c, request, result)
})

/** No result, or one that is unknown, used or too old: back to the client if the hints name one, else a page. */
function expired(c: Ctx, form: ReadonlyMap<string, string>): Response | Promise<Response> {
  const { project } = at(c)
  const about = form.get('code')
    ? { error: 'invalid_request', description: 'the sign-in has expired; start again' }
    : { error: 'login_required', description: 'nobody has signed in' }
  const client = project.clients.get(form.get('client_id') ?? '')
  const uri = form.get('redirect_uri')
  if (client === undefined || uri === undefined || !redirectAllowed(uri, client, project.origins))
    return protocolError(c, about)
  const state = form.get('state')
  const to = {
    redirectUri: uri,
    responseMode: 'query' as const,
    clientId: client.client_id,
    issuer: at(c).origin.origin,
    ...(state ? { state } : {}),
  }
  return answer(c, to, { error: about.error, error_description: about.description })
}

// ---- token endpoint and its neighbours --------------------------------------------------------------------------------

oauthDoor.post('/oauth2/token', (c) =>
  asJson(c, async () => {
    const { node, world, project, origin, caller } = at(c)
    const { form, client } = await clientRequest(c)
    const type = form.get('grant_type')
    if (type === undefined) throw oauthRefusal('invalid_request', 'grant_type is missing')
    const grant = grants.find((candidate) => candidate.type === type)
    if (grant === undefined) throw oauthRefusal('unsupported_grant_type', 'this grant_type is not supported')
    if (client.x_application_type === 'm2m')
      throw oauthRefusal('unauthorized_client', 'this client may not use this grant')
    const proof = readProof(c, client)
    if (client.dpop_bound_access_tokens) await demandProof(c, proof)
    const exchanged = grant.exchange({
      node,
      project,
      origin,
      caller,
      form,
      client,
      proof,
      authorization: c.req.header('authorization'),
      cookie: c.req.header('cookie'),
    })
    return exchanged.catch(async (error: unknown) => {
      if (error instanceof Refusal && error.guess)
        await charge(scopeOf(world.db, project), [perAddress('OAuthToken', caller.ip)], world.clock.now())
      throw error
    })
  }),
)

oauthDoor.post('/oauth2/revoke', (c) =>
  asJson(c, async () => {
    const { world, project } = at(c)
    const form = await readForm(c)
    const authorization = c.req.header('authorization')
    // A client that authenticates must do it rightly; SDKs send no client at all (RFC 7009 §2.1, wire contract §2.6).
    const authenticates = form.has('client_secret') || /^basic /i.test(authorization ?? '')
    const clientId = authenticates ? (await clientOf(c, form)).client_id : form.get('client_id')
    await revoke(world, project, form.get('token') ?? '', clientId)
    return undefined
  }),
)

oauthDoor.on(['GET', 'POST'], '/oauth2/userinfo', answerUserInfo)

oauthDoor.get('/oauth2/redirect', (c) => {
  const { project } = at(c)
  const uri = c.req.query('redirect_uri') ?? ''
  if (!URL.canParse(uri)) return c.text('invalid redirect URI', 400)
  const bare = new URL(uri)
  bare.search = ''
  bare.hash = ''
  const known = [...project.clients.values()].some((client) => redirectAllowed(bare.href, client, project.origins))
  // As it was parsed: what was given may hold what no header carries.
  return known ? goTo(c, new URL(uri).href) : c.text('redirect URI is not allowed', 400)
})

oauthDoor.route('/', parDoor)
oauthDoor.route('/', introspectionDoor)
oauthDoor.route('/', deviceAuthorizationDoor)
oauthDoor.route('/', endSessionDoor)
oauthDoor.route('/', carryDoor)
oauthDoor.route('/', revocationsDoor)
oauthDoor.route('/', sdkDoor)

const methods: Record<string, readonly string[]> = {
  '/.well-known/openid-configuration': ['GET', 'HEAD'],
  '/.well-known/oauth-authorization-server': ['GET', 'HEAD'],
  '/oauth2/jwks': ['GET', 'HEAD'],
  '/oauth2/authorize': ['GET', 'HEAD', 'POST'],
  '/oauth2/consent': ['GET', 'HEAD', 'POST'],
  '/oauth2/par': ['POST'],
  '/oauth2/token': ['POST'],
  '/oauth2/revoke': ['POST'],
  '/oauth2/introspect': ['POST'],
  '/oauth2/device_authorization': ['POST'],
  '/oauth2/userinfo': ['GET', 'HEAD', 'POST'],
  '/oauth2/end_session': ['GET', 'HEAD', 'POST'],
  '/oauth2/redirect': ['GET', 'HEAD'],
  '/oauth2/challenge': ['POST'],
  '/oauth2/app_session_token': ['POST'],
}
// After every door above: what gets here came by a method that its address does not have.
for (const [path, allowed] of Object.entries(methods))
  oauthDoor.all(path, (c, next) =>
    allowed.includes(c.req.method) ? next() : c.text('method not allowed', 405, { allow: allowed.join(', ') }),
  )
