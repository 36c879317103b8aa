// Watches what goes over the wire, and explains it. Only names, statuses and durations are kept: no code, no token.

export type Line = {
  at: number
  /** `browser` is a navigation; the rest is fetch. */
  method: string
  target: string
  /** What the request is for, in a few words. */
  why: string
  status?: number | 'no answer'
  ms?: number
  times: number
}

type Watcher = {
  onLine: (lines: readonly Line[]) => void
  /** A token response came: it is good for so many seconds. */
  onToken: (expiresIn: number) => void
}

const kept = 14
const storageKey = 'demo.wire'

const reasons: readonly [path: RegExp, why: string][] = [
  [/^\/\.well-known\/openid-configuration$/, 'where is everything? asked once'],
  [/^\/oauth2\/userinfo$/, 'who does this token belong to?'],
  [/^\/oauth2\/revoke$/, 'end the session behind this refresh token'],
  [/^\/oauth2\/app_session_token$/, 'a one-time ticket, so that the browser opens signed in'],
  [/^\/api\/anonymous_user\/signup$/, 'a user without any sign-in method'],
  [/^\/api\/anonymous_user\/promotion_code$/, 'a one-time code that names this guest'],
  [/^\/api\/me$/, 'who am I, backend?'],
]

const grants: Readonly<Record<string, string>> = {
  authorization_code: 'code and PKCE verifier in, tokens out',
  refresh_token: 'no access token in memory, or it ran out: a new pair',
  'urn:authgear:params:oauth:grant-type:id-token': 'a fresh ID token',
  'urn:authgear:params:oauth:grant-type:settings-action': 'the settings action is done: its code is spent',
}

let lines: Line[] = remembered()
let watcher: Watcher | undefined

export function watchWire(by: Watcher): void {
  watcher = by
  by.onLine(lines)
}

export function clearWire(): void {
  lines = []
  save()
}

/** Notes that the browser itself goes somewhere or came back; the page's own script does not see that request. */
export function noteNavigation(target: string, why: string): void {
  add({ at: Date.now(), method: 'browser', target, why, times: 1 })
}

/** `fetch`, observed. */
export async function wiredFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init)
  const url = new URL(request.url)
  const isToken = url.pathname === '/oauth2/token'
  const grant = isToken ? (new URLSearchParams(await request.clone().text()).get('grant_type') ?? '') : ''
  const why = isToken ? (grants[grant] ?? grant) : (reasons.find(([path]) => path.test(url.pathname))?.[1] ?? '')
  const target = url.origin === location.origin ? url.pathname : `${url.host}${url.pathname}`
  const began = performance.now()
  const line = { at: Date.now(), method: request.method, target, why, times: 1 }
  try {
    const response = await fetch(request)
    add({ ...line, status: response.status, ms: performance.now() - began })
    if (isToken && response.ok) void tellExpiry(response.clone())
    return response
  } catch (error) {
    add({ ...line, status: 'no answer', ms: performance.now() - began })
    throw error
  }
}

async function tellExpiry(response: Response): Promise<void> {
  const body: unknown = await response.json().catch(() => undefined)
  if (typeof body !== 'object' || body === null || !('expires_in' in body)) return
  if (typeof body.expires_in === 'number') watcher?.onToken(body.expires_in)
}

// What is asked every second would bury the rest: a repeat of something recent only counts up.
function add(line: Line): void {
  const same = lines
    .slice(0, 6)
    .find(
      (held) =>
        held.method === line.method &&
        held.target === line.target &&
        held.status === line.status &&
        held.why === line.why,
    )
  if (same && line.method !== 'browser') {
    same.times += 1
    same.at = line.at
    if (line.ms !== undefined) same.ms = line.ms
  } else {
    lines = [line, ...lines].slice(0, kept)
  }
  save()
}

function save(): void {
  try {
    sessionStorage.setItem(storageKey, JSON.stringify(lines))
  } catch {
    // A full or forbidden storage only costs the memory across redirects.
  }
  watcher?.onLine(lines)
}

function remembered(): Line[] {
  try {
    const held: unknown = JSON.parse(sessionStorage.getItem(storageKey) ?? '[]')
    return Array.isArray(held) ? (held as Line[]) : []
  } catch {
    return []
  }
}
