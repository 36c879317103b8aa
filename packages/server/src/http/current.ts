// The session of this request, asked once.
import { presentedCredentials } from '../resolver/credentials.ts'
import type { Presented, Session } from '../sessions/resolve.ts'
import { sessionCookies } from '../sessions/start.ts'
import { at, type Ctx } from './context.ts'
import { clearedCookie, clearedElsewhere } from './cookies.ts'

const known = new WeakMap<Request, Map<string, Promise<Session | undefined>>>()

/**
 * The live session of the request: by cookies alone (`cookies`, for pages), by the browser session cookie alone
 * (`browser`, for single sign-on), or by bearer token first (`any`, for APIs).
 */
export function currentSession(c: Ctx, by: 'cookies' | 'browser' | 'any'): Promise<Session | undefined> {
  const answers = known.get(c.req.raw) ?? new Map<string, Promise<Session | undefined>>()
  known.set(c.req.raw, answers)
  const answer = answers.get(by) ?? find(c, by)
  answers.set(by, answer)
  return answer
}

async function find(c: Ctx, by: 'cookies' | 'browser' | 'any'): Promise<Session | undefined> {
  const { node, project, origin, caller } = at(c)
  const authorization = by === 'any' ? c.req.header('authorization') : undefined
  const presented = presentedCredentials(authorization, c.req.header('cookie'), origin.cookiePrefix)
  for (const credential of presented) {
    if (by === 'browser' && credential.as !== 'session') continue
    const session = await node.sessions.resolve(project, credential, caller)
    if (session === undefined) continue
    if (credential.as === 'session') tidy(c, presented, credential.text)
    return session
  }
  tidy(c, presented, undefined)
  return undefined
}

/** Leaves one session cookie in the browser: the good one, where it belongs, or none. */
function tidy(c: Ctx, presented: readonly Presented[], good: string | undefined): void {
  const { project, origin } = at(c)
  const sent = presented.filter(({ as }) => as === 'session').length
  if (sent === 0 || (sent === 1 && good !== undefined)) return
  const name = `${origin.cookiePrefix}session`
  const own = good === undefined ? [clearedCookie(name, origin)] : sessionCookies(project, origin, good)
  for (const line of [...clearedElsewhere(name, origin), ...own]) c.header('set-cookie', line, { append: true })
}

/** Forgets what was asked, after the request itself has changed who is signed in. */
export function forgetCurrentSession(c: Ctx): void {
  known.delete(c.req.raw)
}
