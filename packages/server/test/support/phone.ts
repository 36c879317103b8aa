// A phone with an app on one of the mobile SDKs: the calls of each operation in their order, and what the SDK insists on
// in every answer. Pages open in a web view that forgets everything, or with single sign-on in the device's browser.
import { createHash, randomBytes } from 'node:crypto'
import type { DevelopmentProject } from '../../src/dev/projects.ts'
import type { Headgear } from '../../src/testing.ts'
import { type PlainBrowser, plainBrowser } from './browser.ts'
import { type Answer, type Form, type Json, type Key, newKey, ordered, SdkError, sdkWire } from './sdk_wire.ts'
import type { Sdk } from './sdks.ts'

export { SdkError }

const grantType = (name: string) => `urn:authgear:params:oauth:grant-type:${name}`
const full = 'https://authgear.com/scopes/full-access'

/** Deals with the pages that are shown. */
export type Person = (view: PlainBrowser) => Promise<unknown>

export type App = {
  redirectUri: string
  preAuthenticated?: boolean
  /** Signs in through the device's browser, once for all apps there. */
  browser?: PlainBrowser
  clientId?: string
  /** May sign other apps of the device in. */
  app2app?: boolean
}

type Kept = { refreshToken?: string; idToken?: string; deviceSecret?: string; accessToken?: string; expireAt?: Date }

export function phone(server: Headgear, project: DevelopmentProject, sdk: Sdk, app: App) {
  const origin = project.local_origin
  const client_id = app.clientId ?? 'app'
  const wire = sdkWire(server, origin, sdk)
  const scope =
    sdk.scope + (app.preAuthenticated ? ' device_sso https://authgear.com/scopes/pre-authenticated-url' : '')
  const kept: Kept = {}
  const keys: { anonymous?: Key; biometric?: Key; app2app?: Key } = {}
  const seen: { refresh?: Answer; cleared?: string } = {}

  async function challenge(purpose: `${'anonymous' | 'biometric' | 'app2app'}_request`): Promise<string> {
    const { token, expire_at } = await wire.api('/oauth2/challenge', { purpose }, kept.accessToken)
    if (typeof token !== 'string' || typeof expire_at !== 'string') throw new Error('a challenge is two strings')
    return token
  }
  const tells = (what: Sdk['tellsDevice'][number]) => (sdk.tellsDevice.includes(what) ? wire.xDeviceInfo : undefined)

  // ---- what is kept ----

  function keep(body: Json): void {
    const { access_token, expires_in, refresh_token, id_token, device_secret } = body
    if (typeof access_token !== 'string' || !Number.isInteger(expires_in)) throw new Error('no access token')
    kept.accessToken = access_token
    kept.expireAt = new Date(server.clock.now().getTime() + Number(expires_in) * 900)
    if (refresh_token !== undefined) kept.refreshToken = String(refresh_token)
    if (id_token !== undefined) kept.idToken = String(id_token)
    if (device_secret !== undefined) kept.deviceSecret = String(device_secret)
    delete seen.cleared
  }
  function clear(reason: 'LOGOUT' | 'INVALID'): void {
    for (const name of Object.keys(kept) as (keyof Kept)[]) delete kept[name]
    seen.cleared = reason
  }
  /** These words, and no others, end the session on the phone. */
  async function heeding<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation()
    } catch (error) {
      if (error instanceof SdkError && ['invalid_grant', 'InvalidGrant'].includes(error.message)) clear('INVALID')
      throw error
    }
  }
  async function userInfo(accessToken: unknown): Promise<Json> {
    const { body } = await wire.send('GET', await wire.endpoint('userinfo'), { bearer: String(accessToken ?? '') })
    return decodedUserInfo(body)
  }
  async function signedIn({ body }: Answer): Promise<Json> {
    const info = await userInfo(body.access_token)
    keep(body)
    return info
  }

  // ---- pages ----

  async function authorizeUrl(parameters: Form): Promise<string> {
    const sso = 'x_sso_enabled' in parameters ? parameters.x_sso_enabled : String(app.browser !== undefined)
    const all = {
      client_id,
      x_platform: sdk.platform,
      ...parameters,
      x_sso_enabled: sso,
      x_suppress_idp_session_cookie: sso === 'false' ? 'true' : undefined,
    }
    return `${await wire.endpoint('authorization')}?${sdk.encodeQuery(ordered(all, sdk.queryOrder))}`
  }
  /** Asks with PKCE, and redeems what the app is sent back with. */
  async function ask(view: PlainBrowser, person: Person, grant: string, parameters: Form, what: 'code' | 'promotion') {
    const { verifier, ...pkce } = newPkce()
    await view.open(await authorizeUrl({ redirect_uri: app.redirectUri, ...pkce, ...parameters }))
    await person(view)
    return redeem(view.page.url, verifier, { grant_type: grant, x_device_info: tells(what) })
  }
  function newPkce() {
    const verifier = randomBytes(32).toString('base64url')
    const code_challenge = createHash('sha256').update(verifier).digest('base64url')
    return { verifier, code_challenge_method: 'S256', code_challenge }
  }
  /** The redirect URI is the address that the app was opened at, without its query. */
  async function redeem(back: URL, verifier: string, form: Form): Promise<Answer> {
    const { code, error = `no code at ${back}`, error_description } = Object.fromEntries(back.searchParams)
    if (code === undefined) throw new SdkError({ status: 0, body: { error, error_description }, text: '' })
    const redirect_uri = back.href.split(/[?#]/)[0] ?? ''
    return wire.token({ client_id, code, redirect_uri, code_verifier: verifier, ...form, ...(await app2appForm(form)) })
  }
  /** The first sign-in binds the device key of an app that may sign others in. */
  async function app2appForm(form: Form): Promise<Form> {
    if (!app.app2app || form.grant_type !== 'authorization_code' || sdk.app2appAlg === undefined) return {}
    const claims = { challenge: await challenge('app2app_request'), action: 'setup' }
    keys.app2app = newKey(sdk.app2appAlg)
    return { x_app2app_device_key_jwt: wire.keyRequest('app2app', keys.app2app, false, claims) }
  }
  const view = () => app.browser ?? plainBrowser(project)
  function jkt(): string {
    const { crv, e, kty, n, x, y } = wire.proofKey.jwk
    const members = sdk.proofAlg === 'ES256' ? { crv, kty, x, y } : { e, kty, n }
    return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
  }
  const appSessionHint = () =>
    heeding(async () => {
      const body = { refresh_token: kept.refreshToken }
      const result = await wire.api('/oauth2/app_session_token', body, kept.accessToken)
      if (typeof result.expire_at !== 'string') throw new Error('expire_at is a string')
      return `https://authgear.com/login_hint?type=app_session_token&app_session_token=${result.app_session_token}`
    })

  // ---- operations, by the names that SDKs give them ----

  async function refreshAccessTokenIfNeeded(): Promise<void> {
    const { refreshToken, accessToken, expireAt } = kept
    if (refreshToken === undefined) return
    if (accessToken !== undefined && expireAt !== undefined && expireAt > server.clock.now()) return
    const form = {
      client_id,
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      x_device_info: tells('refresh'),
      device_secret: sdk.sendsDeviceSecret ? kept.deviceSecret : undefined,
    }
    await heeding(async () => {
      seen.refresh = await wire.token(form)
      keep(seen.refresh.body)
    }).catch((error: unknown) => {
      if (seen.cleared === undefined) throw error
    })
  }

  async function refreshIDToken(): Promise<void> {
    await refreshAccessTokenIfNeeded()
    const form = {
      client_id,
      grant_type: grantType('id-token'),
      x_device_info: tells('id token'),
      device_secret: sdk.sendsDeviceSecret ? kept.deviceSecret : undefined,
      access_token: sdk.accessTokenInForm ? kept.accessToken : undefined,
    }
    const { body } = await wire.token(form, { bearer: kept.accessToken })
    if (typeof body.id_token !== 'string') throw new Error('no ID token')
    kept.idToken = body.id_token
    if (body.device_secret !== undefined) kept.deviceSecret = String(body.device_secret)
  }

  return {
    kept,
    keys,
    seen,
    refreshAccessTokenIfNeeded,
    refreshIDToken,
    /** What the ID token says. */
    claims: () => JSON.parse(Buffer.from(kept.idToken?.split('.')[1] ?? '', 'base64url').toString()) as Json,

    async authenticate(person: Person, parameters: Form = {}): Promise<Json> {
      const request = { response_type: 'code', scope, dpop_jkt: jkt(), ...parameters }
      const info = await signedIn(await ask(view(), person, 'authorization_code', request, 'code'))
      delete keys.biometric
      return info
    },
    fetchUserInfo: () =>
      heeding(async () => {
        await refreshAccessTokenIfNeeded()
        return userInfo(kept.accessToken)
      }),
    async reauthenticate(person: Person): Promise<Json> {
      const request = { response_type: 'code', scope: `openid ${full}`, id_token_hint: kept.idToken, max_age: '0' }
      const { body } = await ask(view(), person, 'authorization_code', request, 'code')
      const info = await userInfo(body.access_token)
      if (typeof body.id_token === 'string') kept.idToken = body.id_token
      return info
    },

    async authenticateAnonymously(): Promise<Json> {
      const claims = { challenge: await challenge('anonymous_request'), action: 'auth' }
      const key = keys.anonymous ?? newKey('RS256')
      const jwt = wire.keyRequest('anonymous', key, keys.anonymous !== undefined, claims)
      const grant_type = grantType('anonymous-request')
      const info = await signedIn(await wire.token({ client_id, grant_type, jwt, x_device_info: tells('anonymous') }))
      keys.anonymous = key
      return info
    },
    async promoteAnonymousUser(person: Person): Promise<Json> {
      if (keys.anonymous === undefined) throw new Error('anonymous user credentials not found')
      const claims = { challenge: await challenge('anonymous_request'), action: 'promote' }
      const jwt = wire.keyRequest('anonymous', keys.anonymous, true, claims)
      const request = {
        response_type: 'code',
        scope: sdk.scope,
        prompt: 'login',
        login_hint: `https://authgear.com/login_hint?type=anonymous&jwt=${jwt}`,
        dpop_jkt: sdk.promotesBound ? jkt() : undefined,
      }
      const info = await signedIn(await ask(view(), person, 'authorization_code', request, 'promotion'))
      delete keys.anonymous
      return info
    },

    async enableBiometric(): Promise<void> {
      await refreshAccessTokenIfNeeded()
      const claims = { challenge: await challenge('biometric_request'), action: 'setup' }
      const key = newKey('RS256')
      const form = {
        client_id,
        grant_type: grantType('biometric-request'),
        jwt: wire.keyRequest('biometric', key, false, claims),
      }
      await wire.token(form, { bearer: kept.accessToken, unproven: sdk.unproven.includes('biometric setup') })
      keys.biometric = key
    },
    async authenticateBiometric(): Promise<Json> {
      if (keys.biometric === undefined) throw new Error('biometric key not found')
      const claims = { challenge: await challenge('biometric_request'), action: 'authenticate' }
      const jwt = wire.keyRequest('biometric', keys.biometric, true, claims)
      const form = { client_id, grant_type: grantType('biometric-request'), jwt, scope }
      const bearer = sdk.bearerWith.includes('biometric') ? kept.accessToken : undefined
      try {
        return await signedIn(await wire.token({ ...form, x_device_info: tells('biometric') }, { bearer }))
      } catch (error) {
        // The key was removed elsewhere: the SDK knows it by exactly these words.
        if (error instanceof SdkError && error.answer.body.error_description === 'InvalidCredentials')
          delete keys.biometric
        throw error
      }
    },

    /** @returns the web view at the page where it ends up. */
    async openSettings(): Promise<PlainBrowser> {
      const { type, at } = sdk.settings
      const { verifier: _, ...pkce } = newPkce()
      const url = await authorizeUrl({
        response_type: type,
        scope: sdk.scope,
        redirect_uri: origin + at,
        prompt: 'none',
        login_hint: await appSessionHint(),
        ...(type === 'code' ? { ...pkce, dpop_jkt: jkt() } : {}),
      })
      const opened = plainBrowser(project)
      await opened.open(url)
      return opened
    },
    async settingsAction(action: 'change_password' | 'delete_account', person: Person): Promise<void> {
      if (sdk.action.refreshesIdToken) await refreshIDToken()
      const request = {
        response_type: 'urn:authgear:params:oauth:response-type:settings-action',
        scope: sdk.action.scope,
        prompt: sdk.action.prompt,
        login_hint: await appSessionHint(),
        id_token_hint: kept.idToken,
        x_settings_action: action,
        x_settings_action_query: sdk.action.query,
        ...(sdk.action.withoutSso ? { x_sso_enabled: 'false' } : {}),
      }
      await ask(plainBrowser(project), person, grantType('settings-action'), request, 'code')
      if (action === 'delete_account') clear('INVALID')
    },

    /** Has the other app of this device approve, and goes on with the code that it answers with. */
    async startApp2AppAuthentication(other: (request: Form) => Promise<URL>): Promise<Json> {
      const { verifier, ...pkce } = newPkce()
      const back = await other({ client_id, redirect_uri: app.redirectUri, ...pkce, state: 'mine' })
      const grant = { grant_type: 'authorization_code', x_device_info: tells('code') }
      return signedIn(await redeem(back, verifier, grant))
    },
    async approveApp2AppAuthenticationRequest({ state, ...request }: Form): Promise<URL> {
      if (keys.app2app === undefined) throw new Error('no device key')
      const claims = { challenge: await challenge('app2app_request'), action: 'setup' }
      const { body } = await wire.token({
        grant_type: grantType('app2app-request'),
        ...request,
        jwt: wire.keyRequest('app2app', keys.app2app, true, claims),
        refresh_token: kept.refreshToken,
      })
      return new URL(`${request.redirect_uri}?${new URLSearchParams({ code: String(body.code), state: state ?? '' })}`)
    },

    /** @returns the address that signs a web app in. */
    async makePreAuthenticatedURL(webClientId: string, webUri: string): Promise<string> {
      const { body } = await wire.token({
        client_id: webClientId,
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        requested_token_type: 'urn:authgear:params:oauth:token-type:pre-authenticated-url-token',
        audience: origin,
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        subject_token: kept.idToken,
        actor_token_type: 'urn:x-oath:params:oauth:token-type:device-secret',
        actor_token: kept.deviceSecret,
      })
      kept.deviceSecret = String(body.device_secret)
      kept.idToken = String(body.id_token)
      return authorizeUrl({
        client_id: webClientId,
        response_type: 'urn:authgear:params:oauth:response-type:pre-authenticated-url token',
        response_mode: 'cookie',
        redirect_uri: webUri,
        prompt: 'none',
        id_token_hint: kept.idToken,
        x_pre_authenticated_url_token: String(body.access_token),
        ...(sdk.bareWebUrl ? { x_sso_enabled: undefined, x_platform: 'ios' } : {}),
      })
    },

    async logout(): Promise<void> {
      const sent = { type: sdk.formType, body: sdk.encodeForm([['token', kept.refreshToken ?? '']]) }
      await wire.send('POST', await wire.endpoint('revocation'), { ...sent, unproven: sdk.unproven.includes('revoke') })
      clear('LOGOUT')
    },
    /** The app is started again: what was in memory is gone. */
    restart(): void {
      delete kept.accessToken
      delete kept.expireAt
      wire.forget()
    },
    /** What the app stored is copied to another device; the key stays behind. */
    copyTokens(): void {
      wire.proofKey = newKey(sdk.proofAlg, true)
    },
  }
}

/** As the strictest of the SDKs decode it. */
function decodedUserInfo(body: Json): Json {
  const claim = (name: string) => body[`https://authgear.com/claims/user/${name}`]
  if (typeof body.sub !== 'string') throw new Error('sub is a string')
  for (const name of ['is_anonymous', 'is_verified', 'can_reauthenticate'])
    if (typeof claim(name) !== 'boolean') throw new Error(`${name} is a boolean`)
  const { custom_attributes: custom } = body
  if (typeof custom !== 'object' || custom === null || Array.isArray(custom))
    throw new Error('custom_attributes is an object')
  // iOS reads no time without a fraction of a second.
  for (const one of (claim('authenticators') ?? []) as Json[])
    for (const time of [one.created_at, one.updated_at])
      if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(time))) throw new Error(`no time for iOS: ${time}`)
  return body
}
