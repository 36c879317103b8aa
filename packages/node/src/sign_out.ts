// The end of a session, on both sides: here and at Headgear, whichever side it begins on.
import { errors, jwtVerify } from 'jose'
import type { Client } from './client.ts'
import { Unavailable } from './errors.ts'
import type { Held, Keeper } from './held.ts'
import type { Settings } from './options.ts'
import { algorithms, type Provider } from './provider.ts'
import type { Visits } from './session.ts'
import { redirect } from './sign_in.ts'

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'

export type SignOut = {
  /** Signs out here and sends the browser on to sign out there. */
  byUser(request: Request): Promise<Response>
  /** OpenID Connect Back-Channel Logout 1.0 §2.8. */
  byHeadgear(logoutToken: string | undefined): Promise<Response>
}

export function signOut(from: {
  settings: Settings
  provider: Provider
  client: Client
  keeper: Keeper
  visits: Visits
}): SignOut {
  const { settings, provider, client, keeper, visits } = from

  /** Whether a page of this app sent the form (Fetch Metadata, and `Origin` for browsers without). */
  function isFromHere({ headers }: Request): boolean {
    const site = headers.get('sec-fetch-site')
    if (site !== null) return site === 'same-origin' || site === 'none'
    const origin = headers.get('origin')
    return origin === null || origin === settings.origin
  }

  /** An ID token that tells Headgear which session is meant, so that it need not ask the user. It is not kept: a new one is asked for. */
  async function end({ identity, grant }: Held): Promise<string | undefined> {
    await keeper.end({ id: identity.id })
    if (grant.refreshToken === undefined) return undefined
    try {
      const tokens = await client.refresh(grant.refreshToken)
      if (tokens === 'ended') return undefined
      await client.revoke(tokens.refreshToken ?? grant.refreshToken)
      return tokens.idToken
    } catch (error) {
      // The user wants out of here, whatever Headgear says. Their browser may still reach it.
      settings.onFault(error as Error)
      return undefined
    }
  }

  return {
    async byUser(request) {
      const held = await visits.peek(request.headers.get('cookie'))
      const exit = new URL(request.url).searchParams.get('exit')
      const asked = request.method === 'POST' ? isFromHere(request) : exit === held?.identity.exit
      if (!asked)
        return new Response('Signing out needs a form of this app, or a link made for this session.\n', {
          status: 403,
          headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
        })
      const idToken = held && (await end(held))
      const next = await client.endSessionUrl(idToken, settings.afterLogout).then(
        (url) => url.href,
        () => settings.afterLogout,
      )
      return redirect(next, keeper.clear())
    },

    async byHeadgear(logoutToken) {
      const headers = { 'cache-control': 'no-store' }
      const refuse = (why: string) =>
        Response.json({ error: 'invalid_request', error_description: why }, { status: 400, headers })
      if (logoutToken === undefined) return refuse('logout_token is missing')
      try {
        const { payload, protectedHeader } = await jwtVerify(logoutToken, provider.key, {
          issuer: provider.issuer,
          audience: settings.clientId,
          algorithms,
          currentDate: provider.now(),
          clockTolerance: 30,
          requiredClaims: ['iat', 'exp', 'jti', 'events'],
        })
        const { sid, sub, iat = 0, nonce, events } = payload
        const { typ = 'JWT' } = protectedHeader
        // An ID token or an access token must not do: typ, the event and the missing nonce tell them apart (§2.4).
        if (!/^(application\/)?(logout\+)?jwt$/i.test(typ) || nonce !== undefined || !hasEvent(events))
          return refuse('this is no logout token')
        if (typeof sid === 'string') await keeper.end({ sid })
        else if (sub !== undefined) await keeper.end({ sub, until: new Date((iat + 1) * 1000) })
        else return refuse('the token names no session')
        return new Response(null, { status: 200, headers })
      } catch (error) {
        if (error instanceof errors.JOSEError) return refuse(error.message)
        if (!(error instanceof Unavailable)) throw error
        settings.onFault(error)
        return new Response(null, { status: 503, headers: { ...headers, 'retry-after': '1' } })
      }
    },
  }
}

function hasEvent(events: unknown): boolean {
  const event =
    typeof events === 'object' && events !== null ? (events as Record<string, unknown>)[logoutEvent] : undefined
  return typeof event === 'object' && event !== null
}
