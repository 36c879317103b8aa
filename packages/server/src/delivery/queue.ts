// What must be delivered and may have to be tried again, on the same database (pg-boss). The first attempt is made at
// once by the node that has the job; the queue only steps in when that failed, or when the node is gone.
import { sql } from 'kysely'
import type { PgBoss as Boss } from 'pg-boss'
import library from 'pg-boss/package.json' with { type: 'json' }
import type { Sealer } from '../keys/seal.ts'
import type { Database } from '../storage/database.ts'
import type { World } from '../world.ts'

const schema = 'headgear_queue'

/** While the first attempt may still be under way, nobody else takes the job. */
const firstAttemptSeconds = 45

const common = { retryDelay: 2, retryBackoff: true, expireInSeconds: 60, deleteAfterSeconds: 3600 }

const pollingIntervalSeconds = 5

/** What is delivered, and how long it is worth trying. */
const queues = {
  // A code is worth nothing after some minutes.
  message: { ...common, retryLimit: 6, retryDelayMax: 60, retentionSeconds: 3600 },
  // Back-channel logout: an application may be down for hours.
  logout: { ...common, retryLimit: 20, retryDelayMax: 1800, retentionSeconds: 86_400 },
}
export type QueueName = keyof typeof queues
const names = Object.keys(queues) as QueueName[]

/** What is put in: sealed whole, since a one-time code is in it. */
export type Body = { projectId: string; [key: string]: unknown }

/** @returns what became of the job: done, to be tried again, or given up on. */
export type Deliver = (body: Body, attempt: { last: boolean }) => Promise<'done' | 'again' | 'never'>

export type DeliveryQueue = {
  /** Takes a job and starts its first attempt; settles once the job is safe, and the attempt with `attempted`. */
  add(queue: QueueName, body: Body): Promise<{ attempted: Promise<void> }>
  /** Begins to look for jobs that other nodes left behind, and takes them over. */
  start(): void
  stop(): Promise<void>
}

async function newBoss(db: Database, log?: World['log']): Promise<Boss> {
  const { PgBoss } = await import('pg-boss')
  const boss = new PgBoss({
    schema,
    backend: db.kind === 'embedded' ? 'pglite' : 'postgres',
    db: { executeSql: async (text: string, values?: unknown[]) => ({ rows: await db.run(text, values ?? []) }) },
    migrate: false,
    createSchema: false,
    schedule: false,
    registerInstance: false,
    reindex: false,
    monitorVacuum: false,
    superviseIntervalSeconds: 60,
    openTelemetry: { enabled: false },
  })
  // An outage shows in the statements themselves; here it is only noted.
  boss.on('error', (error: Error) => log?.warn({ err: error }, 'the delivery queue met an error'))
  return boss
}

/** What the schema was made by and for: as long as it is the same, a start does without pg-boss, which is large. */
const edition = { name: 'delivery_queue', value: `pg-boss ${library.version} ${JSON.stringify(queues)}` }

/** Brings the queue's schema up to date; part of `migrate` and of the build's template. */
export async function prepareQueue(db: Database): Promise<void> {
  const there = await db.query
    .selectFrom('instance')
    .selectAll()
    .where('name', '=', edition.name)
    .where('value', '=', edition.value)
    .executeTakeFirst()
  if (there !== undefined) return
  if (db.kind === 'embedded') return install(db)
  // pg-boss does not expect two nodes to make its schema at the same moment, so they take turns.
  await db.query.connection().execute(async (connection) => {
    const lock = sql`hashtext('headgear delivery queue')`
    await sql`select pg_advisory_lock(${lock})`.execute(connection)
    try {
      await install(db)
    } finally {
      await sql`select pg_advisory_unlock(${lock})`.execute(connection)
    }
  })
}

async function install(db: Database): Promise<void> {
  const { PgBoss } = await import('pg-boss')
  const boss = new PgBoss({
    schema,
    backend: db.kind === 'embedded' ? 'pglite' : 'postgres',
    db: { executeSql: async (text: string, values?: unknown[]) => ({ rows: await db.run(text, values ?? []) }) },
    supervise: false,
    schedule: false,
    registerInstance: false,
    openTelemetry: { enabled: false },
  })
  boss.on('error', () => {}) // Thrown by the call that it belongs to.
  await boss.start()
  try {
    for (const name of names) await boss.createQueue(name, queues[name])
  } finally {
    await boss.stop({ graceful: false, close: false })
  }
  await db.query
    .insertInto('instance')
    .values(edition)
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: edition.value }))
    .execute()
}

export function deliveryQueue(
  world: Pick<World, 'db' | 'log'>,
  sealer: Sealer,
  deliver: Record<QueueName, Deliver>,
): DeliveryQueue {
  let started: Promise<Boss> | undefined
  const underWay = new Set<Promise<void>>()
  let stopping = false
  /** Until there is a job, nothing but a look at the table. */
  let look: NodeJS.Timeout | undefined

  function boss(): Promise<Boss> {
    started ??= begin().catch((error: Error) => {
      started = undefined
      throw error
    })
    return started
  }

  async function begin(): Promise<Boss> {
    const made = await newBoss(world.db, world.log)
    await made.start()
    for (const name of names)
      await made.work<{ sealed: string }>(
        name,
        { pollingIntervalSeconds, batchSize: 10, perJobResults: true },
        (jobs) =>
          Promise.all(
            jobs.map(async (job) => {
              const last = job.retryCount >= queues[name].retryLimit
              const done = await settle(made, name, { id: job.id, sealed: job.data.sealed, last })
              return { id: job.id, status: done ? ('completed' as const) : ('failed' as const) }
            }),
          ),
      )
    return made
  }

  /** @returns false when it is to be tried again. A job that is over is deleted with its body. */
  async function settle(
    made: Boss,
    name: QueueName,
    { id, sealed, last }: { id: string; sealed: string; last: boolean },
  ): Promise<boolean> {
    let outcome: Awaited<ReturnType<Deliver>>
    try {
      outcome = await deliver[name](JSON.parse(sealer.open(sealed, name).toString()) as Body, { last })
    } catch (error) {
      world.log.warn({ err: error }, `a ${name} could not be delivered`)
      outcome = last ? 'never' : 'again'
    }
    if (outcome === 'again') return false
    await made
      .deleteJob(name, id)
      .catch((error: Error) => world.log.warn({ err: error }, `a delivered ${name} stays in the queue`))
    return true
  }

  return {
    async add(name, body) {
      const made = await boss()
      const sealed = sealer.seal(JSON.stringify(body), name)
      const id = await made.send(name, { sealed }, { ...queues[name], startAfter: firstAttemptSeconds })
      if (id === null) throw new Error('the delivery queue took no job')
      const attempted = settle(made, name, { id, sealed, last: false })
        .then(async (done) => {
          if (!done) await made.update(name, undefined, { id, startAfter: 1 })
        })
        .catch((error: Error) =>
          world.log.warn({ err: error }, `the first attempt at a ${name} went wrong; the queue tries again`),
        )
        .finally(() => underWay.delete(attempted))
      underWay.add(attempted)
      return { attempted }
    },
    start() {
      const lookOnce = async () => {
        try {
          const { rows } = await sql`select 1 from ${sql.table(`${schema}.job`)} limit 1`.execute(world.db.query)
          if (rows.length > 0 && !stopping) await boss()
        } catch (error) {
          if (!stopping) world.log.warn({ err: error }, 'the delivery queue could not be looked at')
        }
        if (started !== undefined) clearInterval(look)
      }
      look = setInterval(lookOnce, pollingIntervalSeconds * 1000).unref()
      void lookOnce()
    },
    async stop() {
      stopping = true
      clearInterval(look)
      await Promise.all(underWay)
      const made = await started?.catch(() => undefined)
      await made?.stop({ graceful: true, timeout: 3000, close: false })
    },
  }
}
