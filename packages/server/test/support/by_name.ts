// A request to a name that resolves nowhere: sent to the server's address, with the name as `Host`. `fetch` does not allow
// that.
import { type IncomingHttpHeaders, request } from 'node:http'

export type ByName = { method?: string; headers?: Record<string, string>; body?: string }

/** Sends a request for `url` to the server at `address` (`http://127.0.0.1:4000`), following nothing. */
export function fetchByName(address: string, url: URL, init: ByName = {}): Promise<Response> {
  const { hostname, port } = new URL(address)
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        hostname,
        port,
        path: url.pathname + url.search,
        method: init.method ?? 'GET',
        headers: { ...init.headers, host: url.host },
      },
      async (incoming) => {
        const parts: Buffer[] = []
        for await (const part of incoming) parts.push(part as Buffer)
        const status = incoming.statusCode ?? 0
        const body = [204, 304].includes(status) ? null : Buffer.concat(parts)
        resolve(new Response(body, { status, headers: headersOf(incoming.headers) }))
      },
    )
    asked.on('error', reject)
    asked.end(init.body)
  })
}

function headersOf(incoming: IncomingHttpHeaders): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming))
    for (const one of [value ?? []].flat()) headers.append(name, one)
  return headers
}
