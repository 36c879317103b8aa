// Sessions that live in the browser alone, in two sealed cookies, each written by one kind of event.
//
// The session cookie is written when somebody signs in and taken back when they sign out, never in between. The token
// cookie is written by each renewal, and counts only beside the session cookie whose id it names. So an answer that was
// under way for long can bring back nothing but old tokens: not a session that was signed out of, and not an earlier
// user's. Both hold: a lost token cookie costs one renewal.
import { type CookieWriter, largestCookie } from './cookies.ts'
import { type Denylist, denyEnded, isDenied } from './denylist.ts'
import { reaching } from './errors.ts'
import type { Grant, Held, Identity, Keeper, Kept } from './held.ts'
import type { Sealer } from './seal.ts'

/** As long as browsers keep a cookie. Headgear decides when the session ends. */
const lifetime = 400 * 86_400
/** Sessions whose newest tokens this process remembers. */
const remembers = 5000

export type Surroundings = {
  sealer: Sealer
  writer: CookieWriter
  denylist: Denylist
  now(): Date
  warn(message: string): void
}

type SessionCookie = { identity: Identity; refreshToken?: string }
type TokenCookie = { id: string; grant: Grant }

export function keepInCookies({ sealer, writer, denylist, now, warn }: Surroundings): Keeper {
  /** The newest tokens of a session, for requests that were sent before their cookie came, and what did not fit in it. */
  const remembered = new Map<string, Grant>()
  const renewals = new Map<string, Promise<Kept | 'ended'>>()
  const told = new Set<string>()
  const warnOnce = (about: string, message: string) => {
    if (!told.has(about)) warn(message)
    told.add(about)
  }

  function remember(id: string, grant: Grant) {
    remembered.delete(id)
    remembered.set(id, grant)
    for (const oldest of remembered.keys()) {
      if (remembered.size <= remembers) break
      remembered.delete(oldest)
    }
  }

  async function tokenLine({ identity, grant }: Held): Promise<string> {
    const line = async (kept: Grant) => {
      const content: TokenCookie = { id: identity.id, grant: kept }
      return writer.set('-tokens', await sealer.seal('tokens', content), lifetime)
    }
    const whole = await line(grant)
    if (whole.length <= largestCookie) return whole
    const { accessToken, ...rest } = grant
    const without = await line(rest)
    if (without.length <= largestCookie) {
      warnOnce(
        'access token',
        `an access token of ${accessToken?.length} characters does not fit in a cookie: each process will get one of its ` +
          'own. Keep sessions in a store, or let the client have opaque access tokens',
      )
      return without
    }
    warnOnce(
      'claims',
      `the claims of an ID token do not fit in a cookie (${without.length} bytes): only "sub" is kept. Choose some with ` +
        'the option "claims", or keep sessions in a store',
    )
    return line({ ...rest, claims: { sub: identity.sub } })
  }

  return {
    async open(cookies) {
      const session = await sealer.open('session', cookies.get(writer.name('')) ?? '')
      if (session === undefined) return undefined
      const { identity, refreshToken } = session as unknown as SessionCookie
      const tokens = await sealer.open('tokens', cookies.get(writer.name('-tokens')) ?? '')
      const { id, grant: sent } = (tokens ?? {}) as Partial<TokenCookie>
      const own = id === identity.id ? sent : undefined
      const known = remembered.get(identity.id)
      const isNews = known !== undefined && known.issuedAt > (own?.issuedAt ?? 0)
      // Of the same issue, ours may have the access token that the cookie had no room for.
      const newest = known !== undefined && known.issuedAt === own?.issuedAt ? known : isNews ? known : own
      const grant = {
        ...(newest ?? { claims: { sub: identity.sub }, expiresAt: 0, issuedAt: 0 }),
        ...(refreshToken === undefined ? {} : { refreshToken: newest?.refreshToken ?? refreshToken }),
      }
      const held = { identity, grant }
      return { held, lines: isNews ? [await tokenLine(held)] : [] }
    },

    async begin(held) {
      const { identity, grant } = held
      remember(identity.id, grant)
      const { refreshToken } = grant
      const content: SessionCookie = { identity, ...(refreshToken === undefined ? {} : { refreshToken }) }
      return [writer.set('', await sealer.seal('session', content), lifetime), await tokenLine(held)]
    },

    renew(held, ask) {
      const { identity } = held
      const underway = renewals.get(identity.id)
      if (underway !== undefined) return underway
      const renewal = (async (): Promise<Kept | 'ended'> => {
        const grant = await ask(held)
        if (grant === 'ended') return 'ended'
        const next = { identity, grant }
        remember(identity.id, grant)
        return { held: next, lines: [await tokenLine(next)] }
      })().finally(() => renewals.delete(identity.id))
      renewals.set(identity.id, renewal)
      return renewal
    },

    async end(ended) {
      if ('id' in ended) remembered.delete(ended.id)
      await reaching('the denylist', () => denyEnded(denylist, ended, now()))
    },

    hasEnded: ({ identity }) => reaching('the denylist', () => isDenied(denylist, identity)),

    clear: () => [writer.clear(''), writer.clear('-tokens')],
  }
}
