// A node on the wire: opens the database, checks the master key, listens, and stops without dropping what is in flight.

import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import { makeApp } from './app.ts'
import type { Authority } from './certificates/authority.ts'
import { plainDoor } from './certificates/http.ts'
import { handshakeSeconds } from './certificates/obtain.ts'
import { type Inbox, inbox } from './dev/inbox.ts'
import { guardedFetch } from './http/outbound.ts'
import { trustedProxies } from './http/proxy.ts'
import { maintain } from './jobs.ts'
import { type MasterKey, makeSealer, parseMasterKeys } from './keys/seal.ts'
import { type LogSink, makeLogger } from './log.ts'
import { smtpMailer } from './messaging/email.ts'
import { webhookSms } from './messaging/sms.ts'
import { makeNode, type Node } from './node.ts'
import { startTelling } from './oauth/back_channel_logout.ts'
import { opsApp } from './ops.ts'
import { answerResolve, answerWarm, type ResolverAnswer, resolverPath } from './resolver/http.ts'
import { type Database, type OnStatement, openPostgres } from './storage/database.ts'
import { claimInstance, instanceFacts } from './storage/instance.ts'
import { prepare } from './storage/prepare.ts'
import { systemClock, systemRandom, type World } from './world.ts'

export type ServeOptions = {
  /** 0 takes a free port; undefined, with `acme`, serves nothing without TLS. */
  port: number | undefined
  opsPort?: number | undefined
  /** Address to listen on; loopback in development. */
  hostname: string
  /** PostgreSQL, or the embedded database in `dataDir`, or in memory when neither is given. */
  databaseUrl?: string | undefined
  dataDir?: string | undefined
  /** 32 bytes, base64; a list `new,old` while it is being changed. */
  masterKey?: string | undefined
  trustProxy: readonly string[]
  /** Private address ranges that projects' webhooks and gateways may reach. */
  allowOutbound: readonly string[]
  development: boolean
  baseHost?: string | undefined
  /** `smtp://user:password@host:port`: for projects without a mail server of their own. */
  smtpUrl?: string | undefined
  /** TLS of its own, with certificates from an authority (RFC 8555). */
  acme?: (Authority & { httpsPort: number; httpPort: number }) | undefined
  logLevel: string
  /** On `stop`, milliseconds for which requests are still taken, each as the last of its connection. */
  drainMs?: number | undefined
  logSink?: LogSink
  /** Hears the text of every statement; for tests. */
  onStatement?: OnStatement
}

export type Running = {
  node: Node
  port: number
  opsPort: number | undefined
  /** Where the embedded database lies; undefined in memory and on PostgreSQL. */
  dataDir: string | undefined
  /** Messages caught in development. */
  inbox: Inbox | undefined
  /** Serves on one more loopback port (development projects); gives the port. */
  listenAlso(port: number): Promise<number>
  /** Takes no new work, finishes what is in flight, writes what is waiting. */
  stop(): Promise<void>
}

/** A start that the operator has to mend: exit code 2. */
export class BadSetup extends Error {}

async function openDatabase(options: ServeOptions): Promise<Database> {
  if (options.databaseUrl !== undefined)
    return openPostgres(options.databaseUrl, {
      connections: 20,
      ...(options.onStatement ? { onStatement: options.onStatement } : {}),
    })
  const { openDataDirectory, openInMemory } = await import('./storage/embedded.ts')
  return options.dataDir === undefined ? openInMemory(options.onStatement) : openDataDirectory(options.dataDir)
}

// A generated key is only ever made for an empty database: beside sealed secrets, a new key could open nothing.
async function masterKeysFor(options: ServeOptions, db: Database): Promise<MasterKey[]> {
  if (options.masterKey !== undefined) {
    try {
      return parseMasterKeys(options.masterKey)
    } catch (error) {
      throw new BadSetup(`HEADGEAR_MASTER_KEY: ${(error as Error).message}`)
    }
  }
  if (options.databaseUrl === undefined && options.dataDir === undefined)
    return parseMasterKeys(systemRandom(32).toString('base64'))
  const directory = options.dataDir ?? '.headgear'
  const file = join(directory, 'master.key')
  const held = await readFile(file, 'utf8').catch(() => undefined)
  if (held !== undefined) return parseMasterKeys(held.trim())
  const { claimed } = await instanceFacts(db.query)
  if (claimed)
    throw new BadSetup(
      `the database holds secrets sealed with a master key, but HEADGEAR_MASTER_KEY is not set and there is no ${file}`,
    )
  const made = systemRandom(32).toString('base64')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  // There at once and whole, or not at all: half a key would open nothing.
  const draft = `${file}.${process.pid}`
  await writeFile(draft, `${made}\n`, { mode: 0o600 })
  await link(draft, file).finally(() => rm(draft))
  return parseMasterKeys(made)
}

/**
 * Opens the database, brings its schema up to date, and checks that the master key is its own.
 * @throws BadSetup when the operator's settings cannot work; the database's error when it is out of reach.
 */
export async function openWorld(
  options: ServeOptions,
): Promise<{ world: World; masterKeys: MasterKey[]; inbox: Inbox | undefined }> {
  const log = makeLogger({ level: options.logLevel, ...(options.logSink ? { sink: options.logSink } : {}) })
  const db = await openDatabase(options)
  try {
    await prepare(db)
    const masterKeys = await masterKeysFor(options, db)
    const claim = await claimInstance(db.query, makeSealer(masterKeys, systemRandom), options.development)
    if (!claim.ok) throw new BadSetup(claim.why)
    const clock = systemClock()
    const fetch = guardedFetch(options.allowOutbound)
    const caught = options.development ? inbox(clock) : undefined
    const mailer = caught?.mailer ?? smtpMailer(options.smtpUrl)
    const sms = caught?.sms ?? webhookSms(fetch)
    return { world: { db, clock, random: systemRandom, mailer, sms, fetch, log }, masterKeys, inbox: caught }
  } catch (error) {
    await db.close().catch(() => {})
    throw error
  }
}

/**
 * Starts a node on the wire.
 * @throws as `openWorld`; the listener's error when the port is taken.
 */
export async function serve(options: ServeOptions): Promise<Running> {
  const opened = await openWorld(options)
  try {
    return await start(options, opened)
  } catch (error) {
    await opened.world.db.close().catch(() => {})
    throw error
  }
}

async function start(options: ServeOptions, opened: Awaited<ReturnType<typeof openWorld>>): Promise<Running> {
  const { world, masterKeys } = opened
  const node = makeNode({
    world,
    masterKeys,
    trusted: trustedProxies(options.trustProxy),
    development: options.development,
    baseHost: options.baseHost,
    authority: options.acme,
  })
  await node.log.poll()
  node.log.start()
  node.sessions.access.start()
  node.queue.start()
  const upkeep = maintain(node)
  const telling = startTelling(node)

  const servers: Server[] = []
  let stopping = false
  const running: Running = {
    node,
    port: 0,
    opsPort: undefined,
    dataDir: options.databaseUrl === undefined ? options.dataDir : undefined,
    inbox: opened.inbox,
    async listenAlso(port) {
      const server = createServer(serverOptions, listener)
      await listen(server, port, '127.0.0.1')
      servers.push(server)
      return (server.address() as AddressInfo).port
    },
    async stop() {
      if (stopping) return
      stopping = true
      // Closing takes the idle connections away; a request may be on its way over one of them. Those in use learn with
      // their next answer that it was the last.
      if (options.drainMs !== undefined) {
        await sleep(options.drainMs)
        await new Promise(setImmediate) // What has arrived meanwhile is read first.
      }
      await Promise.all(servers.map(closeServer))
      await upkeep.stop()
      await telling.stop()
      await node.stop()
      await world.db.close()
    },
  }
  const app = makeApp(node, running)
  const pages = getRequestListener((request, env) =>
    app.fetch(request, { remoteAddress: (env as { incoming: IncomingMessage }).incoming.socket.remoteAddress ?? '' }),
  )
  // The resolver is asked for every request of every app: it goes straight from socket to answer.
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    if (stopping) response.setHeader('connection', 'close')
    if (!isResolve(request.url)) return void pages(request, response)
    const asked = {
      method: request.method ?? 'GET',
      url: request.url ?? '',
      header: (name: string) => request.headers[name] as string | undefined,
      peer: request.socket.remoteAddress ?? '',
    }
    const warm = answerWarm(node, asked)
    if (warm !== undefined) send(response, warm)
    else void answerResolve(node, asked).then((answer) => send(response, answer))
  }

  const { certificates } = node
  if (options.acme !== undefined && certificates !== undefined) {
    const secure = createTlsServer(
      {
        ...serverOptions,
        handshakeTimeout: handshakeSeconds * 1000,
        SNICallback: (name, done) => {
          certificates.contextFor(name).then(
            (context) => done(null, context),
            (error: Error) => {
              world.log.warn({ err: error, domain: name }, 'a handshake could not be answered')
              done(error)
            },
          )
        },
      },
      listener,
    )
    // Strangers who ask for names of others are no news, and nothing that is said without TLS would be understood.
    secure.removeAllListeners('tlsClientError').on('tlsClientError', (_, socket) => socket.destroy())
    const plain = createServer(serverOptions, getRequestListener(plainDoor(node).fetch))
    await listen(plain, options.acme.httpPort, options.hostname)
    servers.push(plain)
    await listen(secure, options.acme.httpsPort, options.hostname)
    servers.push(secure)
    running.port = (secure.address() as AddressInfo).port
  }
  if (options.port !== undefined) {
    const main = createServer(serverOptions, listener)
    await listen(main, options.port, options.hostname)
    servers.push(main)
    running.port = (main.address() as AddressInfo).port
  }
  if (options.opsPort !== undefined) {
    const ops = createServer(serverOptions, getRequestListener(opsApp(node).fetch))
    await listen(ops, options.opsPort, options.hostname)
    servers.push(ops)
    running.opsPort = (ops.address() as AddressInfo).port
  }
  return running
}

function send(response: ServerResponse, answer: ResolverAnswer) {
  if (answer.body === undefined) {
    response.writeHead(answer.status, answer.headers)
    response.end()
    return
  }
  response.writeHead(answer.status, { 'content-length': Buffer.byteLength(answer.body), ...answer.headers })
  response.end(answer.body)
}

const serverOptions = { keepAliveTimeout: 65_000, headersTimeout: 20_000, requestTimeout: 30_000 }

function isResolve(url = ''): boolean {
  return url.startsWith(resolverPath) && (url.length === resolverPath.length || url[resolverPath.length] === '?')
}

/** What is no HTTP, or has more headers than it may, is told so: Node itself would say nothing. */
function sayWhy(error: Error & { code?: string }, socket: Duplex) {
  // An answer that is on its way must not get this into the middle of it.
  const { _httpMessage: answering } = socket as Duplex & { _httpMessage?: ServerResponse | null }
  if (!socket.writable || answering?.headersSent) return void socket.destroy()
  const [status, why] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'the address and the headers of a request have 16 KiB in all']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'the request took too long to arrive']
        : ['400 Bad Request', 'this is no HTTP request']
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${why.length}\r\n\r\n${why}`,
  )
}

function listen(server: Server, port: number, hostname: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('clientError', sayWhy)
    server.once('error', reject)
    server.listen(port, hostname, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Waits for requests in flight, ten seconds at most; idle connections are closed at once. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const last = setTimeout(() => server.closeAllConnections(), 10_000)
    server.close(() => {
      clearTimeout(last)
      resolve()
    })
    server.closeIdleConnections()
  })
}
