// The sign-in: out to Headgear with state, nonce and PKCE, and back with a code for tokens. What a sign-in must remember
// is in a sealed cookie of its own, so that several tabs can sign in at once.
import * as oauth from 'oauth4webapi'
import { type Attempt, type Claims, type Client, SignInError, type Tokens } from './client.ts'
import { type CookieWriter, readCookies } from './cookies.ts'
import { Unavailable } from './errors.ts'
import { type Held, type Keeper, renewed } from './held.ts'
import type { Settings } from './options.ts'
import type { Sealer } from './seal.ts'
import { type Visits, withHeaders } from './session.ts'

/** Long enough to register, and to find the message with the code. */
const attemptSeconds = 1800
/** Each is sent with every request meanwhile; more would make headers too long for servers. */
const mostAttempts = 5
const prefix = '-signin-'

export type SignInOptions = {
  /** Where to go afterwards: a path of this app. Anything else becomes `/`. */
  returnTo?: string | null | undefined
  /** Parameters of this authorization request, such as `prompt`, `max_age` or `x_page`. */
  parameters?: Readonly<Record<string, string>>
}

export type SignIn = {
  begin(cookieHeader: string | null, options: SignInOptions): Promise<Response>
  finish(search: string, cookieHeader: string | null): Promise<Response>
}

type Remembered = Attempt & { returnTo: string }

export function signIn(from: {
  settings: Settings
  client: Client
  keeper: Keeper
  visits: Visits
  sealer: Sealer
  writer: CookieWriter
  now(): Date
}): SignIn {
  const { settings, client, keeper, visits, sealer, writer, now } = from

  const clear = (tab: string) => writer.clear(prefix + tab)

  async function begin(cookieHeader: string | null, { returnTo, parameters = {} }: SignInOptions): Promise<Response> {
    const tab = `${now().getTime().toString(36).padStart(9, '0')}${oauth.generateRandomState().slice(0, 8)}`
    const { max_age: maxAge } = parameters
    const attempt: Remembered = {
      state: `${tab}.${oauth.generateRandomState()}`,
      nonce: oauth.generateRandomNonce(),
      verifier: oauth.generateRandomCodeVerifier(),
      returnTo: pathOf(returnTo, settings),
      ...(maxAge === undefined ? {} : { maxAge: Number(maxAge) }),
    }
    const asked = { scope: settings.scope, ...settings.authorizationParameters, ...parameters }
    const exp = Math.floor(now().getTime() / 1000) + attemptSeconds
    try {
      const url = await client.authorizationUrl(attempt, asked)
      const line = writer.set(prefix + tab, await sealer.seal('sign-in', { ...attempt, exp }), attemptSeconds)
      return redirect(url.href, [...tooMany(cookieHeader), line])
    } catch (error) {
      return failed(error, { returnTo: attempt.returnTo })
    }
  }

  /** Lines that take back the oldest attempts: their names begin with the time. */
  function tooMany(cookieHeader: string | null): string[] {
    const base = writer.name(prefix)
    const tabs = [...readCookies(cookieHeader).keys()].flatMap((name) =>
      name.startsWith(base) ? [name.slice(base.length)] : [],
    )
    return tabs
      .sort()
      .slice(0, Math.max(0, tabs.length - mostAttempts + 1))
      .map(clear)
  }

  async function finish(search: string, cookieHeader: string | null): Promise<Response> {
    const answer = new URL(settings.paths.callback + search, settings.origin)
    const [tab = ''] = (answer.searchParams.get('state') ?? '').split('.')
    const cookies = readCookies(cookieHeader)
    const attempt = (await sealer.open('sign-in', cookies.get(writer.name(prefix + tab)) ?? '')) as
      | Remembered
      | undefined
    if (attempt === undefined) {
      // A callback that was reloaded, or found in the history: they are signed in already.
      if ((await visits.peek(cookieHeader)) !== undefined) return redirect(`${settings.origin}/`)
      return failed(new SignInError('unknown_sign_in', 'This browser did not begin this sign-in, or too long ago.'))
    }
    const { returnTo } = attempt
    try {
      const held = begun(await client.redeem(answer, attempt))
      return redirect(settings.origin + returnTo, [clear(tab), ...(await keeper.begin(held, cookies))])
    } catch (error) {
      // A code that could not be redeemed for now may be good in a moment, when the page is loaded again.
      return failed(error, { returnTo, lines: error instanceof SignInError ? [clear(tab)] : [] })
    }
  }

  function begun(tokens: Tokens & { claims: Claims }): Held {
    const claims = settings.claims(tokens.claims)
    return {
      identity: {
        id: oauth.generateRandomState(),
        sub: claims.sub,
        signedInAt: now().getTime(),
        exit: oauth.generateRandomState(),
        ...(tokens.sid === undefined ? {} : { sid: tokens.sid }),
      },
      grant: renewed({ claims, expiresAt: 0, issuedAt: 0 }, { ...tokens, claims }),
    }
  }

  /** A page for the person, or the app's own. @throws what is no fault of a sign-in. */
  async function failed(error: unknown, about: { returnTo?: string; lines?: string[] } = {}): Promise<Response> {
    if (!(error instanceof SignInError || error instanceof Unavailable)) throw error
    settings.onFault(error)
    const again = `${settings.paths.login}?${new URLSearchParams({ return_to: about.returnTo ?? '/' })}`
    const page = (await settings.failed?.(error, again)) ?? failurePage(error, again)
    return withHeaders(
      page,
      (about.lines ?? []).map((line) => ['set-cookie', line]),
    )
  }

  return { begin, finish }
}

function failurePage(error: SignInError | Unavailable, again: string): Response {
  const page = `<!doctype html>
<html lang="en"><meta name="viewport" content="width=device-width"><title>Not signed in</title>
<h1>You are not signed in</h1>
<p>${escapeHtml(error.message)}</p>
<p><a href="${escapeHtml(again)}">Try again</a></p></html>
`
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  }
  return new Response(page, { status: error.status, headers })
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

export function redirect(location: string, lines: readonly string[] = []): Response {
  const headers = new Headers({ location, 'cache-control': 'no-store' })
  for (const line of lines) headers.append('set-cookie', line)
  return new Response(null, { status: 303, headers })
}

/** Path, query and fragment of a place in this app; `/` for any other place, and for the addresses of sign-in itself. */
export function pathOf(
  returnTo: string | null | undefined,
  { origin, paths }: Pick<Settings, 'origin' | 'paths'>,
): string {
  if (!returnTo?.startsWith('/') || !URL.canParse(returnTo, origin)) return '/'
  const url = new URL(returnTo, origin)
  if (url.origin !== origin || Object.values(paths).includes(url.pathname)) return '/'
  return url.href.slice(origin.length)
}
