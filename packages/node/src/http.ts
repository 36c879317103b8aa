// For node:http, and what the adapters of frameworks on top of it share.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { Headgear } from './headgear.ts'
import type { SetHeader, Visit } from './session.ts'
import { refusal } from './verify.ts'

/** A request as a server got it; frameworks may have cut `url` short, and read the body. */
export type Incoming = Pick<IncomingMessage, 'method' | 'url' | 'headers'> & { originalUrl?: string; body?: unknown }

/**
 * A listener for `createServer` that answers this package's addresses, and gives `listener` every other request together
 * with who is here.
 */
export function sessions(
  auth: Headgear,
  listener: (request: IncomingMessage, response: ServerResponse, visit: Visit) => void | Promise<void>,
): RequestListener {
  return async (request, response) => {
    let visit: Visit | undefined
    try {
      visit = await arrive(auth, request, response)
    } catch (error) {
      const answer = refusal(error)
      if (answer === undefined) throw error
      await send(response, answer)
    }
    if (visit !== undefined) await listener(request, response, visit)
  }
}

/** Answers a request that needs a session and has none: to sign-in and back, or 401, or 503. */
export function demand(auth: Headgear, request: Incoming, response: ServerResponse, visit: Visit): Promise<void> {
  return send(response, auth.demand(toRequest(auth.origin, request), visit))
}

/** Who is here, or undefined when the request was one for this package and has been answered. @throws Unavailable. */
export async function arrive(auth: Headgear, request: Incoming, response: ServerResponse): Promise<Visit | undefined> {
  const own = await auth.handle(toRequest(auth.origin, request))
  if (own === undefined) return auth.visit(request.headers.cookie, onto(response))
  await send(response, own)
  return undefined
}

function onto(response: ServerResponse): SetHeader {
  return (name, value) => {
    if (response.headersSent) return
    if (name === 'set-cookie') response.appendHeader(name, value)
    else response.setHeader(name, value)
  }
}

/** The same request, web-standard and at the app's own origin, whatever `Host` says. */
export function toRequest(origin: string, incoming: Incoming): Request {
  const { method = 'GET' } = incoming
  const address = incoming.originalUrl ?? incoming.url ?? '/'
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming.headers))
    if (value !== undefined && !name.startsWith(':')) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  const url = address.startsWith('/') ? origin + address : new URL(address, origin).href
  const body = method === 'POST' ? bodyOf(incoming) : undefined
  return new Request(url, { method, headers, ...(body === undefined ? {} : { body, duplex: 'half' }) })
}

function bodyOf(incoming: Incoming): string | ReadableStream | undefined {
  // Parsers leave an empty object for what they do not read.
  if (incoming instanceof Readable && !incoming.readableDidRead) return Readable.toWeb(incoming)
  const { body } = incoming
  if (typeof body === 'string') return body
  if (Buffer.isBuffer(body)) return body.toString()
  if (typeof body !== 'object' || body === null) return undefined
  return new URLSearchParams(Object.entries(body).map(([name, value]) => [name, String(value)])).toString()
}

/** Sends a web-standard answer. */
export async function send(response: ServerResponse, answer: Response): Promise<void> {
  response.statusCode = answer.status
  for (const [name, value] of answer.headers) {
    if (name === 'set-cookie') response.appendHeader(name, value)
    else response.setHeader(name, value)
  }
  response.end(Buffer.from(await answer.arrayBuffer()))
}
