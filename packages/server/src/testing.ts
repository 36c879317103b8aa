// The same server inside a test: a random port, a database in memory, and the clock in your hand.
import { stringify } from 'yaml'
import { adminToken } from './admin/token.ts'
import type { CaughtMessage } from './dev/inbox.ts'
import { type DevelopmentProject, makeProject } from './dev/projects.ts'
import { defaultProjectConfig, defaultProjectId } from './dev/seed.ts'
import type { Node } from './node.ts'
import { serve } from './serve.ts'
import { advanceClock } from './storage/instance.ts'

export type HeadgearOptions = {
  /** Run on this PostgreSQL instead of a database in memory. */
  databaseUrl?: string
  /** Share a master key with other nodes on the same database. */
  masterKey?: string
  /** Address ranges of trusted proxies. */
  trustProxy?: readonly string[]
  /** Gets every line of the log. */
  log?: (line: string) => void
  /** Hears the text of every SQL statement, never its values. */
  onStatement?: (text: string) => void
}

export type Headgear = {
  /** Origin of the default project, such as `http://localhost:41321`. */
  origin: string
  /**
   * Makes a project from `authgear.yaml`, as text or as an object; `id` and `http.public_origin` may be left out.
   * @throws Refusal naming every fault of the configuration.
   */
  project(config?: string | Record<string, unknown>, secrets?: string): Promise<DevelopmentProject>
  clock: {
    /** Product time. */
    now(): Date
    /** Moves product time forward, for every node on the database. */
    advance(ms: number): Promise<void>
  }
  /** Every message sent so far, oldest first. */
  readonly outbox: readonly CaughtMessage[]
  /** Calls the Admin API of a project (the default one unless named) and gives `data`. @throws Error with its errors. */
  admin(
    query: string,
    variables?: Record<string, unknown>,
    project?: DevelopmentProject,
  ): Promise<Record<string, unknown>>
  /** The node itself: statement counts, the log poll. */
  node: Node
  stop(): Promise<void>
}

let serial = 0

/** Starts the server. It listens on loopback, catches every message, and forgets everything on `stop`. */
export async function startHeadgear(options: HeadgearOptions = {}): Promise<Headgear> {
  const running = await serve({
    port: 0,
    hostname: '127.0.0.1',
    databaseUrl: options.databaseUrl,
    masterKey: options.masterKey ?? Buffer.alloc(32, 7).toString('base64'),
    trustProxy: options.trustProxy ?? [],
    allowOutbound: ['127.0.0.0/8'],
    development: true,
    baseHost: 'localhost',
    logLevel: 'info',
    logSink: { write: (line) => options.log?.(line) },
    ...(options.onStatement ? { onStatement: options.onStatement } : {}),
  })
  const { node } = running
  const origin = `http://localhost:${running.port}`
  const first = await makeProject(node, running, { id: defaultProjectId, config: defaultProjectConfig(origin) }).catch(
    async (error) => {
      await running.stop()
      throw error
    },
  )
  return {
    origin,
    node,
    async project(config = {}, secrets) {
      if (typeof config === 'string') {
        const id = /^id: *["']?([a-z0-9-]+)/m.exec(config)?.[1]
        if (id === undefined) throw new Error('the configuration has no id')
        return makeProject(node, running, { id, config, secrets })
      }
      serial += 1
      const id = typeof config.id === 'string' ? config.id : `test-${process.pid}-${serial}`
      const http = {
        public_origin: `http://${id}.localhost:${running.port}`,
        ...((config.http as object | undefined) ?? {}),
      }
      return makeProject(node, running, { id, config: stringify({ id, ...config, http }), secrets })
    },
    clock: {
      now: () => node.world.clock.now(),
      async advance(ms) {
        await advanceClock(node.world.db.query, Math.round(ms))
        await node.log.poll()
      },
    },
    get outbox() {
      return running.inbox?.messages() ?? []
    },
    async admin(query, variables = {}, project = first) {
      const response = await fetch(`${project.local_origin}/_api/admin/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${adminToken(project.id, project.admin_key, node.world.clock.now())}`,
        },
        body: JSON.stringify({ query, variables }),
      })
      const answer = (await response.json()) as { data?: Record<string, unknown>; errors?: { message: string }[] }
      if (answer.errors !== undefined || answer.data == null)
        throw new Error(JSON.stringify(answer.errors ?? response.status))
      return answer.data
    },
    stop: () => running.stop(),
  }
}
