// For Express 4 and 5, and whatever else takes its middleware.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Headgear } from './headgear.ts'
import { arrive, demand, send } from './http.ts'
import type { Visit } from './session.ts'
import { type Caller, refusal, type Verifier } from './verify.ts'

declare global {
  namespace Express {
    interface Request {
      /** Who is here: set by `sessions`. */
      headgear: Visit
      /** Whose token came: set by `requireToken`. */
      caller: Caller
    }
  }
}

type Incoming = IncomingMessage & { headgear?: Visit; caller?: Caller }
type Middleware = (request: Incoming, response: ServerResponse, next: (error?: unknown) => void) => Promise<void>

/** Answers the addresses of sign-in, and says who is here in `request.headgear`. Goes before what needs it. */
export function sessions(auth: Headgear): Middleware {
  return async (request, response, next) => {
    try {
      const visit = await arrive(auth, request, response)
      if (visit === undefined) return
      request.headgear = visit
    } catch (error) {
      return next(error)
    }
    next()
  }
}

/** Lets those through who have a session. Goes after `sessions`. */
export function requireSession(auth: Headgear): Middleware {
  return async (request, response, next) => {
    if (request.headgear === undefined) return next(new Error('sessions(auth) has to come before requireSession(auth)'))
    if (request.headgear.session === undefined) return demand(auth, request, response, request.headgear)
    next()
  }
}

/** Lets those through who bring an access token, and names them in `request.caller`. */
export function requireToken(verifier: Verifier, needs?: { scope?: string }): Middleware {
  return async (request, response, next) => {
    try {
      request.caller = await verifier.verify(request.headers.authorization, needs)
    } catch (error) {
      const answer = refusal(error)
      return answer === undefined ? next(error) : send(response, answer)
    }
    next()
  }
}
