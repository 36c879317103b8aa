// For Next.js 15 and later, with the App Router. Nothing is imported from Next itself, so that its version is the app's.
import { afterwards } from './cookies.ts'
import type { Headgear } from './headgear.ts'
import { type Session, type SetHeader, type Visit, withHeaders } from './session.ts'
import { refusal } from './verify.ts'

/** `export const { GET, POST } = routes(auth)` in `app/auth/[...headgear]/route.ts`. */
export function routes(auth: Headgear): Record<'GET' | 'POST', (request: Request) => Promise<Response>> {
  const answer = async (request: Request) => {
    try {
      return (await auth.handle(request)) ?? new Response(null, { status: 404 })
    } catch (error) {
      return refusal(error) ?? Promise.reject(error)
    }
  }
  return { GET: answer, POST: answer }
}

/** `NextResponse.next`. */
type Next = (init: { request: { headers: Headers } }) => Response

/**
 * The function of `proxy.ts` (before Next.js 16, `middleware.ts` on the Node runtime). Pages cannot set cookies, so
 * sessions are renewed here, and the pages of this very request see the renewed one. `needs` tells which paths nobody
 * may see without a session.
 */
export function proxy(
  auth: Headgear,
  next: Next,
  needs: (path: string) => boolean = () => false,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const path = new URL(request.url).pathname
    const headers = new Headers(request.headers)
    if (Object.values(auth.paths).includes(path)) return next({ request: { headers } })
    const put: Parameters<SetHeader>[] = []
    let visit: Visit
    try {
      visit = await auth.visit(headers.get('cookie'), (...header) => put.push(header))
    } catch (error) {
      return refusal(error) ?? Promise.reject(error)
    }
    if (visit.session === undefined && needs(path)) return withHeaders(auth.demand(request, visit), put)
    const lines = put.flatMap(([name, value]) => (name === 'set-cookie' ? [value] : []))
    if (lines.length > 0) headers.set('cookie', afterwards(headers.get('cookie'), lines))
    const answer = next({ request: { headers } })
    for (const [name, value] of put) answer.headers[name === 'set-cookie' ? 'append' : 'set'](name, value)
    return answer
  }
}

/** The session in a page, an action or a route handler behind `proxy`: `await session(auth, await headers())`. */
export async function session(
  auth: Headgear,
  headers: { get(name: string): string | null },
): Promise<Session | undefined> {
  return (await auth.visit(headers.get('cookie'), () => {})).session
}
