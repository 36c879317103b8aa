// For Fastify 5.
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Headgear } from './headgear.ts'
import { toRequest } from './http.ts'
import type { Visit } from './session.ts'
import { type Caller, refusal, type Verifier } from './verify.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is here: set by `sessions`. */
    headgear: Visit
    /** Whose token came: set by `requireToken`. */
    caller: Caller
  }
}

/** A plugin that answers the addresses of sign-in, and says who is here in `request.headgear`. */
export const sessions: FastifyPluginAsync<{ auth: Headgear }> = async (fastify, { auth }) => {
  const own = Object.values(auth.paths)
  fastify.decorateRequest('headgear', null as unknown as Visit)
  fastify.addHook('onRequest', async (request, reply) => {
    if (own.includes(request.routeOptions.url ?? '')) return
    request.headgear = await auth.visit(request.headers.cookie, (name, value) => {
      if (!reply.sent) reply.header(name, value)
    })
  })
  await fastify.register(async (inner: FastifyInstance) => {
    // What the app's own parsers make of a body is no concern here.
    inner.removeAllContentTypeParsers()
    inner.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body))
    for (const url of own)
      inner.route({
        method: ['GET', 'POST'],
        url,
        async handler(request, reply) {
          const answer = await auth.handle(webRequest(auth, request))
          return send(reply, answer ?? new Response(null, { status: 404 }))
        },
      })
  })
}

// For the whole app, and not only for what is registered inside of it.
Object.assign(sessions, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: '@headgear/node' })

/** A `preHandler` that lets those through who have a session. */
export function requireSession(auth: Headgear) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> =>
    request.headgear.session === undefined
      ? send(reply, auth.demand(webRequest(auth, request), request.headgear))
      : undefined
}

/** A `preHandler` that lets those through who bring an access token, and names them in `request.caller`. */
export function requireToken(verifier: Verifier, needs?: { scope?: string }) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    try {
      request.caller = await verifier.verify(request.headers.authorization, needs)
      return undefined
    } catch (error) {
      const answer = refusal(error)
      if (answer === undefined) throw error
      return send(reply, answer)
    }
  }
}

function webRequest(auth: Headgear, { raw, originalUrl, body }: FastifyRequest): Request {
  return toRequest(auth.origin, { method: raw.method, url: originalUrl, headers: raw.headers, body })
}

async function send(reply: FastifyReply, answer: Response): Promise<FastifyReply> {
  reply.code(answer.status)
  for (const [name, value] of answer.headers) reply.header(name, value)
  return reply.send(Buffer.from(await answer.arrayBuffer()))
}
