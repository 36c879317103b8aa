// Follows the revocation feed (docs/revocation-feed.md): what has ended although its JWTs have not expired.
import { type JWTPayload, jwtVerify } from 'jose'
import { Unavailable } from './errors.ts'
import { algorithms, type Provider } from './provider.ts'

/** What is known of a token: it is barred, it is not, or too much time has passed to say. */
export type Standing = 'barred' | 'clear' | 'unknown'

export type Feed = AsyncDisposable & {
  /** Looks a token's claims up. The first call begins to follow, and waits a second at most for an answer. */
  standing(claims: Readonly<JWTPayload>): Promise<Standing>
  /** Stops following; later answers are `unknown`. */
  close(): Promise<void>
}

/** The bound: what is older than this says nothing. */
const freshMs = 1000
/** How long the server may hold a request. With the bound above, there is time for an answer to be late. */
const waitMs = 400
const pauseMs = 100
/** Nobody asked for so long: let the server, and the process, rest. */
const idleMs = 60_000
/** By so much clocks may differ: entries outlive their tokens by it, and a page that is older or younger is no answer. */
const clocksMs = 60_000

type Moment = { steady: number; wall: number }
const moment = (): Moment => ({ steady: performance.now(), wall: Date.now() })

/** Milliseconds since, by the clock that says more: one stands still while a machine sleeps, the other can be set back. */
function since(then: Moment): number {
  const [steady, wall] = [performance.now() - then.steady, Date.now() - then.wall]
  return wall < 0 ? Number.POSITIVE_INFINITY : Math.max(steady, wall)
}

export function followRevocations(provider: Provider): Feed {
  const table = revocationTable()
  const closing = new AbortController()
  let cursor: string | undefined
  let fresh: Moment | undefined
  let asked = moment()
  /** The loop, while it runs, and the first answer that it waits for. */
  let following: Promise<void> | undefined
  let firstAnswer: Promise<unknown> = Promise.resolve()

  const isFresh = () => fresh !== undefined && since(fresh) <= freshMs

  async function follow(answered: () => void): Promise<void> {
    while (!closing.signal.aborted && since(asked) < idleMs) {
      try {
        if (await turnPage()) continue
      } catch {
        // Whatever it was, it says nothing about any token; the age of what we know does.
        await pause(pauseMs)
      }
      answered()
    }
    answered()
    following = undefined
  }

  /** Reads one page. @returns whether the next is there already. */
  async function turnPage(): Promise<boolean> {
    const began = moment()
    const after = cursor
    const url = new URL((await provider.metadata()).revocations_endpoint as string)
    if (after !== undefined) {
      url.searchParams.set('after', after)
      url.searchParams.set('wait', String(waitMs))
    }
    const response = await provider.fetch(url, {
      redirect: 'error',
      signal: AbortSignal.any([closing.signal, provider.impatience()]),
    })
    const body = await response.text()
    if (response.status === 410) cursor = undefined // begin again, after a pause
    if (response.status !== 200) throw new Unavailable(`the revocation feed answered ${response.status}`)
    const page = await readPage(provider, body, after)
    table.add(page.entries)
    table.forget(new Date(provider.now().getTime() - clocksMs))
    cursor = page.next
    if (!page.more) fresh = began
    return page.more
  }

  return {
    async standing(claims) {
      asked = moment()
      if (table.bars(claims)) return 'barred'
      if (!isFresh() && !closing.signal.aborted) {
        if (following === undefined) {
          const first = Promise.withResolvers<void>()
          firstAnswer = Promise.race([first.promise, pause(freshMs)])
          following = follow(first.resolve)
        }
        await firstAnswer
        if (table.bars(claims)) return 'barred'
      }
      return isFresh() ? 'clear' : 'unknown'
    },
    async close() {
      closing.abort()
      fresh = undefined
      await following
    },
    [Symbol.asyncDispose]() {
      return this.close()
    },
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

type Page = { next: string; more: boolean; entries: readonly unknown[] }

/** @throws an error of jose's or a TypeError: an answer that is not the issuer's own, to this very question. */
async function readPage(provider: Provider, body: string, after: string | undefined): Promise<Page> {
  const { payload } = await jwtVerify(body, provider.key, {
    issuer: provider.issuer,
    typ: 'revocations+jwt',
    algorithms,
    currentDate: provider.now(),
  })
  const { next, more, entries, iat } = payload
  // Anybody can ask the server a cursor's question early, and keep the answer for later.
  const age = provider.now().getTime() - (iat ?? Number.NaN) * 1000
  if (!(Math.abs(age) <= clocksMs)) throw new TypeError('the page is not of now')
  if (payload.after !== (after ?? null)) throw new TypeError('the page answers another question')
  if (typeof next !== 'string' || typeof more !== 'boolean' || !Array.isArray(entries))
    throw new TypeError('this is no page of the feed')
  return { next, more, entries }
}

/** What is barred until when. An entry that cannot be read is no reason to lose the others. */
export function revocationTable() {
  /** By `sid <id>`, `jti <id>`, `client <id>`: when it may be forgotten, and for clients the last `iat` that is barred. */
  const entries = new Map<string, { exp: number; before: number }>()
  return {
    add(page: readonly unknown[]) {
      for (const item of page) {
        const { sid, jti, client_id, before, exp } = (item ?? {}) as Record<string, unknown>
        if (typeof exp !== 'number') continue
        const name =
          typeof sid === 'string'
            ? `sid ${sid}`
            : typeof jti === 'string'
              ? `jti ${jti}`
              : typeof client_id === 'string' && typeof before === 'number'
                ? `client ${client_id}`
                : undefined
        if (name === undefined) continue
        const last = name.startsWith('client ') ? (before as number) : Number.POSITIVE_INFINITY
        const held = entries.get(name)
        entries.set(name, { exp: Math.max(exp, held?.exp ?? exp), before: Math.max(last, held?.before ?? last) })
      }
    },
    bars({ sid, jti, client_id, iat }: Readonly<JWTPayload>): boolean {
      if (typeof sid === 'string' && entries.has(`sid ${sid}`)) return true
      if (typeof jti === 'string' && entries.has(`jti ${jti}`)) return true
      const client = typeof client_id === 'string' ? entries.get(`client ${client_id}`) : undefined
      return client !== undefined && (iat === undefined || iat <= client.before)
    },
    /** Drops entries that expired before `time`. */
    forget(time: Date) {
      const seconds = time.getTime() / 1000
      for (const [name, { exp }] of entries) if (exp < seconds) entries.delete(name)
    },
    get size() {
      return entries.size
    },
  }
}
