// For Hono 4.
import type { MiddlewareHandler } from 'hono'
import type { Headgear } from './headgear.ts'
import type { SetHeader, Visit } from './session.ts'
import { type Caller, refusal, type Verifier } from './verify.ts'

/** What handlers find: `c.get('headgear')` after `sessions`, `c.get('caller')` after `requireToken`. */
export type HeadgearEnv = { Variables: { headgear: Visit; caller: Caller } }

/** Answers the addresses of sign-in, and says who is here in `c.get('headgear')`. Goes before what needs it. */
export function sessions(auth: Headgear): MiddlewareHandler<HeadgearEnv> {
  return async (c, next) => {
    const put: Parameters<SetHeader>[] = []
    try {
      const own = await auth.handle(c.req.raw)
      if (own !== undefined) return own
      c.set('headgear', await auth.visit(c.req.header('cookie'), (...header) => put.push(header)))
    } catch (error) {
      return refusal(error) ?? Promise.reject(error)
    }
    await next()
    // Only now: a handler may have made a Response of its own.
    for (const [name, value] of put) c.header(name, value, { append: name === 'set-cookie' })
    return undefined
  }
}

/** Lets those through who have a session. Goes after `sessions`. */
export function requireSession(auth: Headgear): MiddlewareHandler<HeadgearEnv> {
  return async (c, next) => {
    const visit = c.get('headgear')
    return visit.session === undefined ? auth.demand(c.req.raw, visit) : next()
  }
}

/** Lets those through who bring an access token, and names them in `c.get('caller')`. */
export function requireToken(verifier: Verifier, needs?: { scope?: string }): MiddlewareHandler<HeadgearEnv> {
  return async (c, next) => {
    try {
      c.set('caller', await verifier.verify(c.req.raw, needs))
    } catch (error) {
      return refusal(error) ?? Promise.reject(error)
    }
    return next()
  }
}
