// The authorization request, checked in the order of the specification (RFC 6749 §4.1.1, OpenID Core §3.1.2.2, wire
// contract §2.3). Rules only: nothing here redirects to a URI that is not registered, whatever else is wrong.
import type { ClientConfig } from '../config/schema.ts'
import { verifyOwnJwt } from '../keys/verify.ts'
import type { Project } from '../projects/find.ts'
import type { Origin } from '../projects/origins.ts'
import { readSid } from '../sessions/credential.ts'
import { hasFullAccess, isPublic } from './clients.ts'
import { isChallenge } from './pkce.ts'
import { chooseRedirectUri, preAuthenticatedUri } from './redirect_uri.ts'
import type { Hints, LoginHint, OAuthRequest, SettingsAction } from './request.ts'
import { parseScope, scopeFault } from './scopes.ts'

export type ResponseMode = OAuthRequest['responseMode']

/** Where an error may be sent once client and redirect URI are known to be good. */
export type ReturnAddress = {
  redirectUri: string
  responseMode: ResponseMode
  state?: string
  clientId: string
  issuer: string
}

export type Checked =
  /** No redirect: the client or its redirect URI is not to be trusted. */
  | { kind: 'page'; error: string; description: string }
  | { kind: 'error'; to: ReturnAddress; error: string; description: string }
  /** A one-time token that turns into an app session, for any response type. */
  | { kind: 'app_session'; to: ReturnAddress; token: string; client: ClientConfig; request: OAuthRequest | undefined }
  /** A one-time token of a native app that turns into a web app's access token cookie. */
  | { kind: 'pre_authenticated'; to: ReturnAddress; token: string; client: ClientConfig; grantId: Buffer; sub: string }
  | { kind: 'request'; to: ReturnAddress; client: ClientConfig; request: OAuthRequest; silent: boolean; hints: Hints }

export type Params = ReadonlyMap<string, string>

const preAuthenticatedUrlType = 'urn:authgear:params:oauth:response-type:pre-authenticated-url'
export const settingsActionType = 'urn:authgear:params:oauth:response-type:settings-action'
const settingsActions: readonly string[] = [
  'change_password',
  'delete_account',
  'add_email',
  'add_phone',
  'add_username',
  'change_email',
  'change_phone',
  'change_username',
  'link_oauth',
  'unlink_oauth',
]
/** Characters of one parameter: enough for any state or hint, and the saved request stays small. */
const longest = 16_384
const prompts = ['login', 'consent', 'select_account', 'create'] as const

/** Checks a request. `pushed` marks one that came through RFC 9126, where `request_uri` has been spent already. */
export function checkAuthorize(params: Params, project: Project, origin: Origin, pushed = false): Checked {
  const get = (name: string) => {
    const value = params.get(name)
    return value === undefined || value === '' ? undefined : value
  }
  const client = project.clients.get(get('client_id') ?? '')
  if (client === undefined) return { kind: 'page', error: 'unauthorized_client', description: 'invalid client ID' }
  if (client.x_application_type === 'm2m')
    return { kind: 'page', error: 'unauthorized_client', description: 'this client cannot sign users in' }
  const types = new Set((get('response_type') ?? '').split(' '))
  const preAuthenticated = types.size === 2 && types.has(preAuthenticatedUrlType) && types.has('token')
  const redirectUri =
    chooseRedirectUri(get('redirect_uri'), client, project.origins) ??
    (preAuthenticated ? preAuthenticatedUri(get('redirect_uri'), client) : undefined)
  if (redirectUri === undefined)
    return { kind: 'page', error: 'invalid_request', description: 'redirect URI is not allowed' }

  const asksCookie = preAuthenticated && get('response_mode') === 'cookie'
  const mode = asksCookie ? 'query' : (get('response_mode') ?? 'query')
  if (mode !== 'query' && mode !== 'fragment' && mode !== 'form_post')
    return { kind: 'page', error: 'invalid_request', description: 'invalid response_mode' }
  const state = get('state')
  const to: ReturnAddress = {
    redirectUri,
    responseMode: mode,
    clientId: client.client_id,
    issuer: origin.origin,
    ...(state !== undefined ? { state } : {}),
  }
  const error = (code: string, description: string): Checked => ({ kind: 'error', to, error: code, description })
  for (const [name, value] of params)
    if (value.length > longest)
      return error('invalid_request', `${/^\w{1,64}$/.test(name) ? name : 'a parameter'} is too long`)

  if (get('request') !== undefined) return error('request_not_supported', 'request objects are not supported')
  if (get('request_uri') !== undefined) return error('request_uri_not_supported', 'this request_uri is not one of ours')
  if (client.require_pushed_authorization_requests && !pushed)
    return error('invalid_request', 'this client must push its authorization requests')

  if (preAuthenticated) {
    const [hint, token] = [readHint(get('id_token_hint'), project), get('x_pre_authenticated_url_token')]
    const named = hint === undefined || hint === 'bad' ? undefined : readSid(hint.sid ?? '')
    if (!client.x_pre_authenticated_url_enabled || !hasFullAccess(client))
      return error('unauthorized_client', 'pre-authenticated URLs are off for this client')
    if (!asksCookie || get('prompt') !== 'none')
      return error('invalid_request', 'a pre-authenticated URL needs response_mode=cookie and prompt=none')
    if (hint === undefined || hint === 'bad' || named?.kind !== 'offline_grant')
      return error('invalid_request', 'id_token_hint names no session of an app')
    if (token === undefined) return error('invalid_request', 'x_pre_authenticated_url_token is missing')
    return { kind: 'pre_authenticated', to, token, client, grantId: named.id, sub: hint.sub }
  }

  const type = get('response_type')
  if (type === undefined) return error('invalid_request', 'response_type is missing')
  const responseType =
    type === 'code' || type === 'none' ? type : type === settingsActionType ? 'settings_action' : undefined
  if (responseType === undefined) return error('unsupported_response_type', 'response_type is not supported')

  const asked = new Set((get('prompt') ?? '').split(' ').filter((word) => word !== ''))
  const silent = asked.has('none')
  if (silent && asked.size > 1) return error('invalid_request', 'prompt=none stands alone')
  const maxAge = parseMaxAge(get('max_age'))

  const challenge = get('code_challenge')
  if (responseType !== 'none' && challenge === undefined && isPublic(client))
    return error('invalid_request', 'PKCE code challenge is required')
  if (challenge !== undefined && get('code_challenge_method') !== 'S256')
    return error('invalid_request', 'only the S256 PKCE transform is supported')
  if (challenge !== undefined && !isChallenge(challenge)) return error('invalid_request', 'code_challenge is malformed')
  const dpopJkt = get('dpop_jkt')
  if (dpopJkt !== undefined && !/^[A-Za-z0-9_-]{43}$/.test(dpopJkt))
    return error('invalid_request', 'dpop_jkt is malformed')

  const scope = get('scope')
  if (scope === undefined) return error('invalid_request', 'scope is required')
  const scopes = parseScope(scope)
  const fault = scopeFault(scopes, client)
  if (fault !== undefined) return error('invalid_scope', fault)

  const hints: Hints = defined({ login_hint: get('login_hint'), id_token_hint: get('id_token_hint') })
  const hint = readHint(hints.id_token_hint, project)
  if (hint === 'bad') return error('invalid_request', 'id_token_hint is not one of ours')
  const login = readLoginHint(hints.login_hint)
  if (login === 'bad') return error('invalid_request', 'login_hint is malformed')
  const claims = readClaims(get('claims'))
  if (claims === 'bad') return error('invalid_request', 'claims is malformed')

  const browser = readBrowserSession(get('x_sso_enabled'), get('x_suppress_idp_session_cookie'))
  if (browser.sso && client.x_max_concurrent_session === 1)
    return error('invalid_request', 'single sign-on and one concurrent session exclude each other')

  const request: OAuthRequest = {
    clientId: client.client_id,
    redirectUri,
    responseType,
    responseMode: mode,
    scopes,
    origin: origin.origin,
    prompt: prompts.filter((word) => asked.has(word)),
    browserSession: browser.session,
    sso: browser.sso,
    ...defined({
      state,
      nonce: get('nonce'),
      codeChallenge: challenge,
      dpopJkt,
      maxAge,
      hint,
      acrValues: get('acr_values')
        ?.split(' ')
        .filter((value) => value !== ''),
      claims,
      uiLocales: get('ui_locales'),
      page: oneOf(get('x_page'), ['login', 'signup']),
      platform: get('x_platform'),
      colorScheme: oneOf(get('x_color_scheme'), ['light', 'dark']),
      xState: get('x_state'),
      providerAlias: get('x_oauth_provider_alias'),
      flowGroup: get('x_authentication_flow_group'),
      settingsActionQuery: get('x_settings_action_query'),
      loginHint: login !== undefined && login.type !== 'app_session_token' ? login : undefined,
    }),
  }

  const appSessionToken = login?.type === 'app_session_token' ? login.token : undefined
  if (responseType === 'settings_action') {
    const action = get('x_settings_action')
    if (!hasFullAccess(client)) return error('unauthorized_client', 'this client may not open settings')
    if (action === undefined || !settingsActions.includes(action))
      return error('invalid_request', 'x_settings_action is missing or unknown')
    if (appSessionToken === undefined)
      return error('invalid_request', 'a settings action needs an app session token as login_hint')
    if (action === 'delete_account' && !project.config.account_deletion.scheduled_by_end_user_enabled)
      return error('invalid_request', 'users may not delete their accounts here')
    if (action.endsWith('link_oauth') && request.providerAlias === undefined)
      return error('invalid_request', 'x_oauth_provider_alias is missing')
    return {
      kind: 'app_session',
      to,
      token: appSessionToken,
      client,
      request: { ...request, settingsAction: action as SettingsAction },
    }
  }
  if (appSessionToken !== undefined)
    return { kind: 'app_session', to, token: appSessionToken, client, request: undefined }
  return { kind: 'request', to, client, request, silent, hints }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }
function defined<T extends Record<string, unknown>>(members: T): Defined<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Defined<T>
}

function oneOf<const T extends string>(value: string | undefined, allowed: readonly T[]): T | undefined {
  return allowed.find((word) => word === value)
}

function parseMaxAge(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

function readHint(text: string | undefined, project: Project): OAuthRequest['hint'] | 'bad' {
  if (text === undefined) return undefined
  const jwt = verifyOwnJwt(text, project.signingKeys)
  if (jwt === undefined || jwt.header.typ === 'at+jwt' || typeof jwt.claims.sub !== 'string') return 'bad'
  return { sub: jwt.claims.sub, ...(typeof jwt.claims.sid === 'string' ? { sid: jwt.claims.sid } : {}) }
}

type Hinted = LoginHint | { type: 'app_session_token'; token: string }

function readLoginHint(text: string | undefined): Hinted | undefined | 'bad' {
  if (text === undefined) return undefined
  if (!text.startsWith('https://authgear.com/login_hint')) return { type: 'text', text: text.slice(0, 320) }
  if (!URL.canParse(text)) return 'bad'
  const query = new URL(text).searchParams
  const get = (name: string) => query.get(name) || undefined
  switch (query.get('type')) {
    case 'app_session_token': {
      const token = get('app_session_token')
      return token === undefined ? 'bad' : { type: 'app_session_token', token }
    }
    case 'anonymous': {
      const [jwt, promotionCode] = [get('jwt'), get('promotion_code')]
      if (jwt === undefined && promotionCode === undefined) return 'bad'
      return { type: 'anonymous', ...defined({ jwt, promotionCode }) }
    }
    case 'login_id':
      return {
        type: 'login_id',
        enforce: query.get('enforce') === 'true',
        ...defined({ email: get('email'), phone: get('phone'), username: get('username') }),
      }
    default:
      return 'bad'
  }
}

function readClaims(text: string | undefined): OAuthRequest['claims'] | 'bad' {
  if (text === undefined) return undefined
  try {
    const value = JSON.parse(text) as unknown
    if (!isObject(value)) return 'bad'
    const { userinfo, id_token } = value
    if ((userinfo !== undefined && !isObject(userinfo)) || (id_token !== undefined && !isObject(id_token))) return 'bad'
    return defined({ userinfo: userinfo && wellFormed(userinfo), id_token: id_token && wellFormed(id_token) })
  } catch {
    return 'bad'
  }
}

/** The members that OpenID Core §5.5.1 knows, as far as they are what it says. The rest would only be stored. */
function wellFormed(claims: Record<string, unknown>): Record<string, unknown> {
  const text = (value: unknown) =>
    typeof value === 'string' && /^[^\0\p{Cs}]{1,500}$/u.test(value) ? value : undefined
  const entries = Object.entries(claims)
    .filter(([name]) => /^[\w:/.#-]{1,200}$/.test(name))
    .slice(0, 100)
    .map(([name, wish]): [string, unknown] => {
      if (!isObject(wish)) return [name, null]
      const values = Array.isArray(wish.values)
        ? wish.values.slice(0, 20).flatMap((value) => text(value) ?? [])
        : undefined
      return [name, defined({ essential: wish.essential === true ? true : undefined, value: text(wish.value), values })]
    })
  return Object.fromEntries(entries)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `x_sso_enabled` speaks first; absent, the older parameter may suppress the browser session; else it is used, unmarked. */
function readBrowserSession(
  enabled: string | undefined,
  suppress: string | undefined,
): { session: boolean; sso: boolean } {
  if (enabled !== undefined) return { session: enabled === 'true', sso: enabled === 'true' }
  return { session: suppress !== 'true', sso: false }
}
