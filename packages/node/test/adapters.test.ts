// The same app on each framework, served for real and reached over HTTP. Next.js is the exception: its functions are
// called as Next calls them, since a Next server is too large to install for a test.
import { createServer, type Server } from 'node:http'
import { serve } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { startHeadgear, type Headgear as TestServer } from 'headgear/testing'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevelopmentProject } from '../../server/src/dev/projects.ts'
import { freePort } from '../../server/test/support/free_port.ts'
import * as forExpress from '../src/express.ts'
import * as forFastify from '../src/fastify.ts'
import * as forHono from '../src/hono.ts'
import * as forHttp from '../src/http.ts'
import {
  type Headgear,
  headgear,
  memoryDenylist,
  refusal,
  type Session,
  type Verifier,
  verifier,
} from '../src/index.ts'
import * as forNext from '../src/next.ts'
import { eventually } from './support/eventually.ts'
import { locationOf, newPerson, openTab, type Person, type Site } from './support/person.ts'
import { cookieKey, endAtHeadgear, shopClient, shopProject } from './support/shop.ts'
import { openWire } from './support/wire.ts'

type Stage = { stop(): Promise<void> }
type Make = (auth: Headgear, api: Verifier, port: number) => Promise<Stage>

const closing = (server: Server) => async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}
const listening = (server: Server, port: number) =>
  new Promise<Stage>((resolve) => server.listen(port, '127.0.0.1', () => resolve({ stop: closing(server) })))
const webServer = async (fetch: (request: Request) => Response | Promise<Response>, port: number): Promise<Stage> => ({
  stop: closing(serve({ fetch, port, hostname: '127.0.0.1' }) as Server),
})
const who = (session: Session | undefined) => ({ email: session?.claims.email ?? null, stale: session?.stale ?? null })

const makers: Record<string, Make> = {
  'node:http': (auth, api, port) => {
    const json = (response: import('node:http').ServerResponse, body: unknown) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    const listener = forHttp.sessions(auth, async (request, response, visit) => {
      const { session } = visit
      const path = new URL(request.url ?? '', auth.origin).pathname
      if (path === '/members' && session === undefined) return forHttp.demand(auth, request, response, visit)
      if (path === '/token') return void json(response, await session?.accessToken())
      if (path !== '/api') return void json(response, who(session))
      await api.verify(request.headers.authorization, { scope: 'email' }).then(
        (caller) => json(response, caller.sub),
        (error: unknown) => forHttp.send(response, refusal(error) ?? new Response(null, { status: 500 })),
      )
    })
    return listening(createServer(listener), port)
  },

  express: (auth, api, port) => expressApp(auth, api, port),
  'express with body parsers': (auth, api, port) =>
    expressApp(auth, api, port, [express.json(), express.urlencoded({ extended: true })]),

  fastify: async (auth, api, port) => {
    const app = fastify()
    app.addContentTypeParser('application/x-www-form-urlencoded', (_request, _body, done) =>
      done(null, 'the app’s own'),
    )
    await app.register(forFastify.sessions, { auth })
    app.get('/', async (request) => who(request.headgear.session))
    app.get('/members', { preHandler: forFastify.requireSession(auth) }, async (request) =>
      who(request.headgear.session),
    )
    app.post('/members', { preHandler: forFastify.requireSession(auth) }, async () => 'posted')
    app.get('/token', async (request) => JSON.stringify(await request.headgear.session?.accessToken()))
    const preHandler = forFastify.requireToken(api, { scope: 'email' })
    app.get('/api', { preHandler }, async (request) => JSON.stringify(request.caller.sub))
    await app.listen({ port, host: '127.0.0.1' })
    return { stop: () => app.close() }
  },

  hono: async (auth, api, port) => {
    const app = new Hono<forHono.HeadgearEnv>()
    app.get('/api', forHono.requireToken(api, { scope: 'email' }), (c) => c.json(c.get('caller').sub))
    app.use(forHono.sessions(auth))
    app.get('/', (c) => Response.json(who(c.get('headgear').session)))
    app.all('/members', forHono.requireSession(auth), (c) => c.json(who(c.get('headgear').session)))
    app.get('/token', async (c) => c.json(await c.get('headgear').session?.accessToken()))
    return webServer(app.fetch, port)
  },

  'web-standard requests': async (auth, api, port) => {
    const site = auth.fetch(async (request, visit) => {
      const { session } = visit
      const { pathname } = new URL(request.url)
      if (pathname === '/members' && session === undefined) return auth.demand(request, visit)
      if (pathname === '/token') return Response.json(await session?.accessToken())
      if (pathname !== '/api') return Response.json(who(session))
      try {
        return Response.json((await api.verify(request, { scope: 'email' })).sub)
      } catch (error) {
        return refusal(error) ?? Promise.reject(error)
      }
    })
    return webServer(site, port)
  },

  'next, by its functions': async (auth, api, port) => {
    const { GET, POST } = forNext.routes(auth)
    let onward = new Headers()
    // As NextResponse.next: the request goes on to its page, with these headers.
    const next = ({ request }: { request: { headers: Headers } }) => {
      onward = request.headers
      return new Response(null, { headers: { 'x-middleware-next': '1' } })
    }
    const proxy = forNext.proxy(auth, next, (path) => path === '/members')
    const page = async (request: Request, headers: Headers): Promise<Response> => {
      const { pathname } = new URL(request.url)
      if (pathname.startsWith('/auth/')) return request.method === 'POST' ? POST(request) : GET(request)
      if (pathname === '/api')
        return api.verify(request, { scope: 'email' }).then(
          ({ sub }) => Response.json(sub),
          (error: unknown) => refusal(error) ?? Promise.reject(error),
        )
      const session = await forNext.session(auth, headers)
      return Response.json(pathname === '/token' ? await session?.accessToken() : who(session))
    }
    const site: Site = async (request) => {
      const before = await proxy(request)
      if (!before.headers.has('x-middleware-next')) return before
      const answer = await page(request, onward)
      const headers = new Headers(answer.headers)
      for (const line of before.headers.getSetCookie()) headers.append('set-cookie', line)
      if (before.headers.has('cache-control')) headers.set('cache-control', 'private, no-store')
      return new Response(answer.body, { status: answer.status, headers })
    }
    return webServer(site, port)
  },
}

function expressApp(auth: Headgear, api: Verifier, port: number, first: express.RequestHandler[] = []): Promise<Stage> {
  const app = express()
  for (const parser of first) app.use(parser)
  app.use(forExpress.sessions(auth))
  const members = express.Router()
  members.use(forExpress.requireSession(auth), (request, response) => void response.json(who(request.headgear.session)))
  app.use('/members', members)
  app.get('/', (request, response) => void response.json(who(request.headgear.session)))
  app.get('/token', async (request, response) => void response.json(await request.headgear.session?.accessToken()))
  app.get('/api', forExpress.requireToken(api, { scope: 'email' }), (request, response) => {
    response.json(request.caller.sub)
  })
  return listening(createServer(app), port)
}

let server: TestServer
let project: DevelopmentProject
let ana: Person
const ports = new Map<string, number>()
beforeAll(async () => {
  server = await startHeadgear()
  for (const name of Object.keys(makers)) ports.set(name, await freePort())
  const clients = [...ports].map(([name, port]) => shopClient(name, {}, `http://localhost:${port}`))
  project = await shopProject(server, clients)
  ana = await newPerson(server, project)
})
afterAll(() => server.stop())

describe.each(Object.entries(makers))('%s', (name, make) => {
  const wire = openWire()
  let denylistIsDown = false
  let origin: string
  let stage: Stage
  let api: Verifier
  const open = () => openTab(origin, (request) => fetch(request))
  beforeAll(async () => {
    const port = ports.get(name) ?? 0
    origin = `http://localhost:${port}`
    const common = { issuer: project.local_origin, now: server.clock.now, fetch: wire.fetch }
    api = verifier(common)
    const denylist = memoryDenylist(server.clock.now)
    const auth = headgear({
      ...common,
      clientId: name,
      clientSecret: project.client_secrets[name],
      origin,
      cookieKeys: [cookieKey],
      onFault: () => {},
      denylist: {
        ...denylist,
        denied: async (...about) => {
          if (denylistIsDown) throw new Error('connection refused')
          return denylist.denied(...about)
        },
      },
    })
    stage = await make(auth, api, port)
  })
  afterAll(async () => {
    await api?.close()
    await stage?.stop()
  })

  test('signs in, renews once for many, and signs out', async () => {
    const tab = open()
    expect(await (await tab.get('/')).json()).toEqual({ email: null, stale: null })
    const demanded = await tab.get('/members?a=1&b=2')
    expect([demanded.status, locationOf(demanded)]).toEqual([
      302,
      `${origin}/auth/login?return_to=%2Fmembers%3Fa%3D1%26b%3D2`,
    ])
    expect(locationOf(await ana.signIn(tab, locationOf(demanded)))).toBe(`${origin}/members?a=1&b=2`)
    expect([...tab.cookies.keys()].sort()).toEqual(['headgear', 'headgear-tokens'])
    expect(await (await tab.get('/members?a=1&b=2')).json()).toEqual({ email: ana.email, stale: false })

    await server.clock.advance(1_800_000)
    const before = wire.count('/oauth2/token')
    const cookie = tab.header()
    const crowd = Array.from({ length: 8 }, () => tab.late('/members', cookie))
    for (const { answer, arrive } of crowd) {
      expect((await answer).headers.get('cache-control')).toBe('private, no-store')
      expect((await answer).headers.getSetCookie()).toHaveLength(1)
      expect(await (await answer).json()).toEqual({ email: ana.email, stale: false })
      await arrive()
    }
    expect(wire.count('/oauth2/token')).toBe(before + 1)
    expect(tab.header()).not.toBe(cookie)

    expect((await tab.post('/auth/logout', { origin: 'https://evil.example' })).status).toBe(403)
    const out = await tab.post('/auth/logout', { origin })
    expect([out.status, tab.cookies.size]).toEqual([303, 0])
    expect((await ana.answer(locationOf(out))).href).toBe(`${origin}/`)
    expect(await (await tab.get('/')).json()).toEqual({ email: null, stale: null })
  })

  test('keeps the session while Headgear is out of reach', async () => {
    const tab = open()
    await ana.signIn(tab)
    const before = tab.header()
    await server.clock.advance(1_800_000)
    wire.cut()
    expect(await (await tab.get('/members')).json()).toEqual({ email: ana.email, stale: true })
    await server.clock.advance(3_600_000)
    const refused = await tab.get('/members')
    expect([refused.status, refused.headers.get('retry-after'), tab.header()]).toEqual([503, '5', before])
    wire.mend()
    await eventually(async () => expect((await tab.get('/members')).status).toBe(200))
    expect(await (await tab.get('/members')).json()).toEqual({ email: ana.email, stale: false })
  })

  test('answers 503 when it cannot be known who is here', async () => {
    const tab = open()
    await ana.signIn(tab)
    denylistIsDown = true
    expect((await tab.get('/members')).status).toBe(503)
    denylistIsDown = false
    expect((await tab.get('/members')).status).toBe(200)
  })

  test('lets programs in by an access token', async () => {
    const tab = open()
    await ana.signIn(tab)
    const token = (await (await tab.get('/token')).json()) as string
    const ask = async (authorization?: string) => {
      const headers = { accept: 'application/json', ...(authorization === undefined ? {} : { authorization }) }
      const response = await open().get('/api', headers)
      return [response.status, response.headers.get('www-authenticate'), await response.json()]
    }
    const { sub } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    expect(await ask(`Bearer ${token}`)).toEqual([200, null, sub])
    expect(await ask()).toMatchObject([401, 'Bearer', {}])
    expect(await ask('Bearer a.b.c')).toMatchObject([401, 'Bearer error="invalid_token"', {}])
    const programs = await tab.get('/members', { accept: 'application/json' })
    expect(programs.status).toBe(200)
    expect((await open().post('/members')).status).toBe(401)
  })

  test('hears of sessions that ended at Headgear', async () => {
    const [tab, other] = [open(), open()]
    await ana.signIn(tab)
    await ana.signIn(other)
    await endAtHeadgear(server, project, (await (await tab.get('/token')).json()) as string)
    await eventually(async () =>
      expect([await (await tab.get('/')).json(), tab.cookies.size]).toEqual([{ email: null, stale: null }, 0]),
    )
    expect(await (await other.get('/')).json()).toEqual({ email: ana.email, stale: false })

    const told = async (body: string) => {
      const response = await fetch(
        new Request(`${origin}/auth/backchannel-logout`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body,
        }),
      )
      return [response.status, ((await response.json()) as { error_description: string }).error_description]
    }
    expect(await told('logout_token=garbage&other=1')).toEqual([400, 'Invalid Compact JWS'])
    expect(await told('')).toEqual([400, 'logout_token is missing'])
    expect((await open().post('/auth/login')).status).toBe(405)
  })
})
