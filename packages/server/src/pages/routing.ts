// From an authorization request and the browser's session to the page that comes first (wire contract §2.3, UI routing).
// Rules only.
import { hintMeans } from '../oauth/login_hint.ts'
import type { OAuthRequest } from '../oauth/request.ts'
import type { Instant } from '../world.ts'

export type BrowserSession = {
  userId: string
  authTime: Instant
  /** The user's login IDs and other claims, for a hint that names one. */
  loginIds: readonly string[]
}

export type Route =
  | 'promote'
  | 'reauth'
  /** The session is that of the user whom the app means: nothing to ask. */
  | 'continue'
  | 'select_account'
  | 'login'
  | 'signup'

export type Circumstances = {
  session: BrowserSession | undefined
  /** An account was used in this browser before. */
  signedUp: boolean
  signupClosed: boolean
  now: Instant
}

/** Whether the app asks for a proof that is newer than the session's. */
function mustProve(request: OAuthRequest, { session, now }: Circumstances): boolean {
  if (request.prompt.includes('login')) return true
  if (request.maxAge === undefined) return false
  if (request.maxAge === 0 || session === undefined) return true
  return now.getTime() - session.authTime.getTime() > request.maxAge * 1000
}

/** The page that an app's request opens with. */
export function routeOf(request: OAuthRequest, circumstances: Circumstances): Route {
  const { signedUp, signupClosed } = circumstances
  if (request.loginHint?.type === 'anonymous') return 'promote'
  const session = request.browserSession ? circumstances.session : undefined
  const prove = mustProve(request, { ...circumstances, session })
  if (request.hint !== undefined && prove) return 'reauth'
  const signUp = request.prompt.includes('create') || request.page === 'signup'
  if (request.hint !== undefined && session?.userId === request.hint.sub && !signUp) return 'continue'
  if (request.providerAlias !== undefined) return 'login'
  const usable = session !== undefined && !prove && (request.hint === undefined || session.userId === request.hint.sub)
  if (usable && !request.prompt.includes('create') && hintMeans(request.loginHint, session.loginIds))
    return 'select_account'
  if (signUp && !signupClosed) return 'signup'
  if (request.page === 'login' || request.prompt.includes('login') || request.loginHint !== undefined) return 'login'
  return signedUp || signupClosed ? 'login' : 'signup'
}
