// An app that signs people in with Headgear: one object that answers its own addresses and says who is here.
import { client } from './client.ts'
import { cookieWriter } from './cookies.ts'
import { memoryDenylist } from './denylist.ts'
import { followRevocations } from './feed.ts'
import { keepInCookies } from './keep_in_cookies.ts'
import { keepInStore } from './keep_in_store.ts'
import { type Options, type Paths, settings as readSettings } from './options.ts'
import { provider as openProvider } from './provider.ts'
import { sealer as openSealer } from './seal.ts'
import { visits as openVisits, type SetHeader, type Visit, withHeaders } from './session.ts'
import { signIn as openSignIn, type SignInOptions } from './sign_in.ts'
import { signOut as openSignOut } from './sign_out.ts'
import { refusal } from './verify.ts'

export type Headgear = AsyncDisposable & {
  /** The app's public origin. */
  readonly origin: string
  /** The addresses that `handle` answers. */
  readonly paths: Readonly<Paths>
  /** Answers sign-in, callback and sign-out; undefined for any other address. @throws Unavailable when a store is out of reach. */
  handle(request: Request): Promise<Response | undefined>
  /**
   * Who is here. `set` puts headers on the answer, and may be called until `accessToken()` of the session has settled.
   * @throws Unavailable when a store or a shared denylist is out of reach.
   */
  visit(cookieHeader: string | null | undefined, set: SetHeader): Promise<Visit>
  /** Sends the browser to sign in. */
  signIn(request: Request, options?: SignInOptions): Promise<Response>
  /**
   * What to answer to a request that needs a session and has none: a page leads to sign-in and back, anything else gets
   * 401; 503 during an outage.
   */
  demand(request: Demanding, visit: Visit): Response
  /** Makes a server of web-standard requests: `handler` gets those that are not this package's own. 503 while a store is out of reach. */
  fetch(
    handler: (request: Request, visit: Visit) => Response | Promise<Response>,
  ): (request: Request) => Promise<Response>
  /** Stops following the revocation feed. */
  close(): Promise<void>
}

/** What `demand` looks at. `url` may be a path. */
export type Demanding = { method: string; url: string; headers: { get(name: string): string | null } }

/** Makes the app's side of sign-in. It asks Headgear for nothing before the first sign-in. @throws TypeError that names the option. */
export function headgear(options: Options): Headgear {
  const settings = readSettings(options)
  const { origin, paths } = settings
  const provider = openProvider(options)
  const { now } = provider
  const sealer = openSealer(options.cookieKeys, now)
  const writer = cookieWriter(settings.cookieName, origin)
  const warn = (message: string) => settings.onFault(new Error(message))
  const keeper = options.store
    ? keepInStore({
        store: options.store,
        sealer,
        writer,
        now,
        renewalMs: (options.timeoutSeconds ?? 5) * 1000,
        idleMs: settings.idleMs,
      })
    : keepInCookies({ sealer, writer, now, warn, denylist: options.denylist ?? memoryDenylist(now) })
  const me = client(provider, { ...settings, redirectUri: origin + paths.callback })
  const feed = options.followRevocations ? followRevocations(provider) : undefined
  const visits = openVisits({ settings, client: me, keeper, feed, now })
  const signIn = openSignIn({ settings, client: me, keeper, visits, sealer, writer, now })
  const signOut = openSignOut({ settings, provider, client: me, keeper, visits })

  const routes: Record<string, [methods: string, answer: (request: Request) => Promise<Response>]> = {
    [paths.login]: [
      'GET',
      (request) => {
        const asked = new URL(request.url).searchParams
        const parameters = ['x_page', 'ui_locales'].flatMap((name) =>
          asked.has(name) ? [[name, asked.get(name)]] : [],
        )
        return self.signIn(request, {
          returnTo: asked.get('return_to'),
          parameters: Object.fromEntries(parameters) as Record<string, string>,
        })
      },
    ],
    [paths.callback]: ['GET', (request) => signIn.finish(new URL(request.url).search, request.headers.get('cookie'))],
    [paths.logout]: ['GET, POST', (request) => signOut.byUser(request)],
    [paths.backchannelLogout]: [
      'POST',
      async (request) => signOut.byHeadgear((await readForm(request)).get('logout_token') ?? undefined),
    ],
  }

  const self: Headgear = {
    origin,
    paths,
    async handle(request) {
      const [methods, answer] = routes[new URL(request.url).pathname] ?? []
      if (methods === undefined || answer === undefined) return undefined
      if (!methods.split(', ').includes(request.method))
        return new Response(null, { status: 405, headers: { allow: methods } })
      return answer(request)
    },

    visit: (cookieHeader, set) => visits.visit(cookieHeader, set),

    signIn: (request, about = {}) => signIn.begin(request.headers.get('cookie'), about),

    demand({ method, url, headers }, visit) {
      const noStore = { 'cache-control': 'no-store' }
      if (visit.outage)
        return new Response('Sign-in is out of reach. Try again in a moment.\n', {
          status: 503,
          headers: { ...noStore, 'content-type': 'text/plain; charset=utf-8', 'retry-after': '5' },
        })
      const isPage = (method === 'GET' || method === 'HEAD') && (headers.get('accept') ?? '').includes('text/html')
      if (!isPage) return Response.json({ error: 'unauthorized' }, { status: 401, headers: noStore })
      const { pathname, search } = new URL(url, origin)
      // Absolute, as Next.js wants it of a proxy.
      const location = `${origin + paths.login}?${new URLSearchParams({ return_to: pathname + search })}`
      return new Response(null, { status: 302, headers: { ...noStore, location } })
    },

    fetch: (handler) => async (request) => {
      const put: Parameters<SetHeader>[] = []
      let visit: Visit
      try {
        const own = await self.handle(request)
        if (own !== undefined) return own
        visit = await visits.visit(request.headers.get('cookie'), (...header) => put.push(header))
      } catch (error) {
        return refusal(error) ?? Promise.reject(error)
      }
      return withHeaders(await handler(request, visit), put)
    },

    close: async () => feed?.close(),
    [Symbol.asyncDispose]: () => self.close(),
  }

  return self
}

const longestForm = 65_536

/** A form, or an empty one when the body is something else or too long. */
async function readForm(request: Request): Promise<URLSearchParams> {
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers.get('content-type') ?? ''))
    return new URLSearchParams()
  const decoder = new TextDecoder()
  let text = ''
  for await (const part of request.body ?? []) {
    text += decoder.decode(part, { stream: true })
    if (text.length > longestForm) return new URLSearchParams()
  }
  return new URLSearchParams(text)
}
