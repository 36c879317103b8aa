// The way to the identity server, in the test's hand: what goes over it is counted, and it can be cut or bent.
export type Wire = {
  fetch: typeof fetch
  /** How often each path was asked, answered or not. */
  count(path: string): number
  /** Answers requests to a path instead of the server, until `mend`. Throwing is a fault of the network. */
  bend(path: string, answer: (request: Request, send: typeof fetch) => Promise<Response>): void
  /** Nothing gets through, to one path or to any. */
  cut(path?: string): void
  mend(): void
}

export function openWire(): Wire {
  const counts = new Map<string, number>()
  const bent = new Map<string, (request: Request, send: typeof fetch) => Promise<Response>>()
  return {
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const { pathname } = new URL(request.url)
      counts.set(pathname, (counts.get(pathname) ?? 0) + 1)
      const answer = bent.get(pathname) ?? bent.get('*')
      return answer === undefined ? fetch(request) : answer(request, fetch)
    },
    count: (path) => counts.get(path) ?? 0,
    bend: (path, answer) => void bent.set(path, answer),
    cut(path = '*') {
      bent.set(path, async () => {
        throw new TypeError('fetch failed')
      })
    },
    mend: () => bent.clear(),
  }
}
