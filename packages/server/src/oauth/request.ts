// A checked authorization request, as it waits for the person: what `/oauth2/authorize` saves, the pages read, and
// `/oauth2/consent` answers.
export type LoginHint =
  | { type: 'anonymous'; jwt?: string; promotionCode?: string }
  | { type: 'login_id'; email?: string; phone?: string; username?: string; enforce: boolean }
  /** What a stock OpenID client sends: free text to prefill. */
  | { type: 'text'; text: string }

export type SettingsAction =
  | 'change_password'
  | 'delete_account'
  | 'add_email'
  | 'add_phone'
  | 'add_username'
  | 'change_email'
  | 'change_phone'
  | 'change_username'
  | 'link_oauth'
  | 'unlink_oauth'

export type Hints = { login_hint?: string; id_token_hint?: string }

/** Stored as JSON: every member is plain data; absent members are left out. */
export type OAuthRequest = {
  clientId: string
  redirectUri: string
  responseType: 'code' | 'none' | 'settings_action'
  responseMode: 'query' | 'fragment' | 'form_post'
  scopes: string[]
  /** Issuer at which the request arrived. */
  origin: string
  state?: string
  nonce?: string
  codeChallenge?: string
  dpopJkt?: string
  /** `none` is `silent`. `create` is OpenID's «Initiating User Registration». */
  prompt: ('login' | 'consent' | 'select_account' | 'create')[]
  /** `prompt=none`, on its way through the hub. */
  silent?: true
  /** Hints as they came, for a client's own sign-in pages. */
  hints?: Hints
  maxAge?: number
  /** Subject and session of a verified `id_token_hint`. */
  hint?: { sub: string; sid?: string }
  loginHint?: LoginHint
  acrValues?: string[]
  /** The `claims` parameter (OpenID Core §5.5), parsed. */
  claims?: { userinfo?: Record<string, unknown>; id_token?: Record<string, unknown> }
  uiLocales?: string
  /** Use and create the browser session (wire contract §2.3: `x_sso_enabled`, `x_suppress_idp_session_cookie`). */
  browserSession: boolean
  /** Mark the grant SSO. */
  sso: boolean
  page?: 'login' | 'signup'
  platform?: string
  colorScheme?: 'light' | 'dark'
  xState?: string
  providerAlias?: string
  flowGroup?: string
  settingsAction?: SettingsAction
  settingsActionQuery?: string
  /** The device that this is about (RFC 8628): its person decides, and goes back to no app. */
  device?: string
  /** The pushed request (RFC 9126) that this came from, and the turn it is taken for: one turn answers it. */
  pushed?: { id: string; turn: string }
}

/** Where a saved request goes on to its pages. */
export const resumePath = '/_internals/oauth_resume'

/** Seconds that a saved request waits for the person. */
export const requestLifetime = 25 * 60
/** Seconds that a pushed request waits for the browser. */
export const pushedLifetime = 300
/** Seconds between the end of the flow and `/oauth2/consent`, and from there to the token endpoint. */
export const resultLifetime = 300
export const codeLifetime = 300
