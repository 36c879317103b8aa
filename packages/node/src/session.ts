// One request's session: opened from its cookies, renewed as soon as its access token has expired, and dropped when
// Headgear says that it is over. Nothing else ends it: a fault of the network says nothing.
import type { Claims, Client } from './client.ts'
import { readCookies } from './cookies.ts'
import { Unauthorized, Unavailable } from './errors.ts'
import type { Feed } from './feed.ts'
import { type Ask, type Held, type Keeper, renewed } from './held.ts'
import type { Settings } from './options.ts'

export type Session = {
  /** The user's id. */
  readonly sub: string
  /** What the newest ID token says of the user. */
  readonly claims: Claims
  /** Headgear's public id of the session. */
  readonly sid: string | undefined
  readonly signedInAt: Date
  /** When the access token expires. */
  readonly expiresAt: Date
  /** The access token has expired, and Headgear cannot be reached for another. */
  readonly stale: boolean
  /** A link that signs this session out, and no other. */
  readonly logoutPath: string
  /** A good access token, renewed if need be. @throws Unavailable, or Unauthorized when the session is over. */
  accessToken(): Promise<string>
}

export type Visit = {
  /** Undefined when nobody is signed in, or while `outage`. */
  readonly session: Session | undefined
  /** There is a session, and Headgear has been out of reach for too long to go on with it. Its cookies stay. */
  readonly outage: boolean
}

/** Puts a header on the answer: `set-cookie` beside those that are there, `cache-control` in place of another. */
export type SetHeader = (name: 'set-cookie' | 'cache-control', value: string) => void

export type Visits = {
  visit(cookieHeader: string | null | undefined, set: SetHeader): Promise<Visit>
  /** Without renewing anything. */
  peek(cookieHeader: string | null | undefined): Promise<Held | undefined>
}

/** So that a token does not expire on its way to an API. */
const earlyMs = 5000

export function visits(from: {
  settings: Settings
  client: Client
  keeper: Keeper
  feed: Feed | undefined
  now(): Date
}): Visits {
  const { settings, client, keeper, feed } = from
  const now = () => from.now().getTime()
  const isDue = ({ grant }: Held) => now() >= grant.expiresAt - earlyMs

  // While Headgear is out of reach, at most half the time is spent on finding that out again.
  let quietUntil = 0
  const ask: Ask = async ({ identity, grant }) => {
    if (grant.refreshToken === undefined) return 'ended'
    const began = performance.now()
    if (began < quietUntil) throw new Unavailable('Headgear was out of reach a moment ago')
    try {
      const tokens = await client.refresh(grant.refreshToken)
      if (tokens === 'ended') return 'ended'
      const { claims } = tokens
      if (claims !== undefined && claims.sub !== identity.sub)
        throw new Unavailable('the new tokens are those of another user')
      return renewed(grant, claims === undefined ? tokens : { ...tokens, claims: settings.claims(claims) })
    } catch (error) {
      quietUntil = performance.now() + (performance.now() - began)
      settings.onFault(error as Error)
      throw error
    }
  }

  async function hasEnded(held: Held): Promise<boolean> {
    const { sid } = held.identity
    if (await keeper.hasEnded(held)) return true
    if (feed === undefined || sid === undefined) return false
    const iat = Math.floor(held.grant.issuedAt / 1000)
    return (await feed.standing({ sid, client_id: settings.clientId, iat })) === 'barred'
  }

  async function open(cookieHeader: string | null | undefined) {
    const kept = await keeper.open(readCookies(cookieHeader))
    return kept && { ...kept, ended: await hasEnded(kept.held) }
  }

  async function visit(cookieHeader: string | null | undefined, set: SetHeader): Promise<Visit> {
    const kept = await open(cookieHeader)
    let held = kept?.held
    let outage = false

    const put = (lines: readonly string[]) => {
      for (const line of lines) set('set-cookie', line)
      // An answer that carries a session must not be kept for others.
      if (lines.length > 0) set('cache-control', 'private, no-store')
    }

    const drop = async ({ identity }: Held) => {
      held = undefined
      put(keeper.clear())
      await keeper.end({ id: identity.id }).catch(settings.onFault)
    }

    /** @throws Unavailable. */
    const renew = async (old: Held): Promise<Held | undefined> => {
      const next = await keeper.renew(old, ask)
      if (next === 'ended' || (await hasEnded(next.held))) {
        await drop(old)
        return undefined
      }
      held = next.held
      put(next.lines)
      return held
    }

    if (kept?.ended) await drop(kept.held)
    else if (kept !== undefined) {
      put(kept.lines)
      if (isDue(kept.held))
        await renew(kept.held).catch((error: unknown) => {
          if (!(error instanceof Unavailable)) throw error
          outage = now() >= kept.held.grant.expiresAt + settings.outageMs
        })
    }

    const session = (first: Held): Session => {
      const present = () => held ?? first
      return {
        get sub() {
          return first.identity.sub
        },
        get claims() {
          return present().grant.claims
        },
        get sid() {
          return first.identity.sid
        },
        get signedInAt() {
          return new Date(first.identity.signedInAt)
        },
        get expiresAt() {
          return new Date(present().grant.expiresAt)
        },
        get stale() {
          return now() >= present().grant.expiresAt
        },
        get logoutPath() {
          return `${settings.paths.logout}?exit=${first.identity.exit}`
        },
        async accessToken() {
          const { accessToken, expiresAt } = held?.grant ?? {}
          if (held === undefined || (accessToken !== undefined && !isDue(held))) return given(accessToken)
          try {
            return given((await renew(held))?.grant.accessToken)
          } catch (error) {
            // Its last seconds are still good.
            if (error instanceof Unavailable && now() < (expiresAt ?? 0)) return given(accessToken)
            throw error
          }
        },
      }
    }
    const made = held === undefined || outage ? undefined : session(held)
    return {
      get session() {
        return held === undefined ? undefined : made
      },
      outage,
    }
  }

  return {
    visit,
    async peek(cookieHeader) {
      const kept = await open(cookieHeader)
      return kept?.ended ? undefined : kept?.held
    },
  }
}

function given(accessToken: string | undefined): string {
  if (accessToken === undefined) throw new Unauthorized('the session is over')
  return accessToken
}

/** The same answer with more headers. */
export function withHeaders(response: Response, put: readonly Parameters<SetHeader>[]): Response {
  if (put.length === 0) return response
  const headers = new Headers(response.headers)
  for (const [name, value] of put) {
    if (name === 'set-cookie') headers.append(name, value)
    else headers.set(name, value)
  }
  const { status, statusText, body } = response
  return new Response(body, { status, statusText, headers })
}
