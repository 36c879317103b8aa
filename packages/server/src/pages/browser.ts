// The cookies of the hosted pages: which browser this is, and what it prefers. None of them is a credential.
import { getCookie } from 'hono/cookie'
import { deviceTokenCookie } from '../authenticators/device_token.ts'
import type { FlowCaller } from '../flows/answer.ts'
import { at, type Ctx } from '../http/context.ts'
import { setCookie } from '../http/cookies.ts'
import { currentSession } from '../http/current.ts'

export function cookie(c: Ctx, name: string): string | undefined {
  return getCookie(c, at(c).origin.cookiePrefix + name)
}

type Preference = { maxAgeSeconds?: number; sameSite?: 'Lax' | 'None' }

/** Sets a cookie of this host alone. */
export function keep(c: Ctx, name: string, value: string, { sameSite = 'None', maxAgeSeconds }: Preference = {}): void {
  const { origin } = at(c)
  const spec = {
    name: origin.cookiePrefix + name,
    value,
    sameSite,
    ...(maxAgeSeconds !== undefined ? { maxAgeSeconds } : {}),
  }
  c.header('set-cookie', setCookie(spec, origin), { append: true })
}

/** Passes on Set-Cookie values that an action gave. */
export function setCookies(c: Ctx, values: readonly string[]): void {
  for (const value of values) c.header('set-cookie', value, { append: true })
}

/** A person has an account in this browser: a visit begins with sign-in instead of sign-up. */
export function hasSignedUp(c: Ctx): boolean {
  return cookie(c, 'signed_up') === 'true'
}

/** The value that flows of this browser are bound to, if it has one. */
export function browserOf(c: Ctx): string | undefined {
  const value = cookie(c, 'authgear_web_session')
  return value !== undefined && /^[\w-]{32}$/.test(value) ? value : undefined
}

const bound = new WeakMap<Request, string>()

/** The same, made now when there is none; one request gets one. */
export function bindBrowser(c: Ctx): string {
  const known = browserOf(c) ?? bound.get(c.req.raw)
  if (known !== undefined) return known
  const made = at(c).world.random(24).toString('base64url')
  bound.set(c.req.raw, made)
  keep(c, 'authgear_web_session', made)
  return made
}

/** Who asks, as the flow engine wants to know it. */
export async function flowCaller(c: Ctx, browser = browserOf(c)): Promise<FlowCaller> {
  const { origin, caller } = at(c)
  return {
    origin,
    caller,
    browser,
    session: await currentSession(c, 'browser'),
    deviceToken: cookie(c, deviceTokenCookie),
    acceptLanguage: c.req.header('accept-language'),
  }
}
