// One handle for both databases: PostgreSQL through `pg`, or PGlite inside this process.
import { createHash } from 'node:crypto'
import type { PGlite } from '@electric-sql/pglite'
import { CompiledQuery, Kysely, PostgresDialect, type RawBuilder, sql, type Transaction } from 'kysely'
import { Refusal, unavailable } from '../refusal.ts'
import type { Tables } from './tables.ts'

export type Query = Kysely<Tables>
export type Tx = Transaction<Tables>

export type Database = {
  kind: 'embedded' | 'postgres'
  query: Query
  /** Statements sent since the start, transaction control included; tests count budgets with it. */
  statements(): number
  /** Runs plain SQL with `$1` parameters, for readers that need no builder (pg-boss, the log poll); without any, a script. */
  run<Row>(text: string, values: readonly unknown[]): Promise<Row[]>
  close(): Promise<void>
}

/** A database that knows its project: no store sees one without the other. */
export type Scope<Q extends Query | Tx = Query | Tx> = { projectId: string; query: Q }

/** Runs `work` in one transaction of the project. */
export function inTransaction<T>(
  scope: { projectId: string; query: Query },
  work: (tx: Scope<Tx>) => Promise<T>,
): Promise<T> {
  return scope.query.transaction().execute((query) => work({ projectId: scope.projectId, query }))
}

/** Puts the place of a parameter into a statement, as often as it is needed there. */
export type Put<Parameters> = (name: keyof Parameters & string) => RawBuilder<never>

/**
 * A statement of the hot paths: put together once, for building it anew takes longer than PostgreSQL takes to run it.
 * Every value goes by `put`.
 */
export function statement<Parameters extends Record<string, unknown>, Row>(
  build: (put: Put<Parameters>) => RawBuilder<unknown>,
): (query: Query, parameters: Parameters) => Promise<Row[]> {
  let made: { text: string; names: string[] } | undefined
  const make = (query: Query) => {
    const names: string[] = []
    const { sql: text, parameters } = build((name) => {
      if (!names.includes(name)) names.push(name)
      return sql.raw(`$${names.indexOf(name) + 1}`)
    }).compile(query)
    if (parameters.length > 0) throw new Error(`a value stands in a statement that is built once: ${text}`)
    return { text, names }
  }
  return async (query, parameters) => {
    made ??= make(query)
    const values = made.names.map((name) => parameters[name])
    return (await query.executeQuery<Row>(CompiledQuery.raw(made.text, values))).rows
  }
}

/** What both databases offer below Kysely: a client taken for a while, used alone, and given back. */
type Client = { query(text: string, values: readonly unknown[]): Promise<Result>; release(): void }
type Result = { rows: unknown[]; rowCount: number | null; command: string }
/** Hears the text of every statement, never its values. */
export type OnStatement = (text: string) => void
type ClientPool = { connect(): Promise<Client>; end(): Promise<void> }

/**
 * How long a statement is waited for. The server's own time-out says nothing when the server hangs, or the network does.
 * Work on the schema, and nodes that take turns at it, may take longer.
 */
const patience = 5000
const takesLong = /^\s*(create|alter|drop|lock)\b|pg_advisory/i

/** Opens a pool on PostgreSQL 14 or later. Statements are prepared once per connection, by name. */
export async function openPostgres(
  url: string,
  options: { connections?: number; applicationName?: string; onStatement?: OnStatement } = {},
): Promise<Database> {
  const { default: pg } = await import('pg')
  pg.types.setTypeParser(pg.types.builtins.INT8, Number)
  const pool = new pg.Pool({
    connectionString: url,
    max: options.connections ?? 10,
    connectionTimeoutMillis: 3000,
    idleTimeoutMillis: 60_000,
    statement_timeout: 15_000,
    application_name: options.applicationName ?? 'headgear',
    keepAlive: true,
  })
  // A lost connection is replaced, idle or lent; the statement that needed it reports the outage.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return databaseOver('postgres', options.onStatement, {
    async connect() {
      const client = await pool.connect()
      let broken: Error | undefined
      return {
        async query(text, values) {
          // What is left of a transaction, its rollback too, would wait as long as the statement that failed.
          if (broken !== undefined) throw broken
          const prepared = values.length === 0 ? {} : { name: statementName(text), values: [...values] }
          const limit = takesLong.test(text) ? {} : { query_timeout: patience }
          return client.query({ text, ...prepared, ...limit }).catch((error: Error) => {
            if (databaseOutage(error)) broken = error
            throw error
          })
        },
        release: () => client.release(broken),
      }
    },
    // A connection that is being made when the pool ends is never given back: the rest does not wait for it.
    end: () => Promise.race([pool.end(), new Promise<void>((resolve) => setTimeout(resolve, 3000).unref())]),
  })
}

/** How long the embedded database is waited for: longer than any statement takes. */
const turnMs = 15_000

/** Whether it settles in time. */
async function settles(work: Promise<void>, withinMs: number): Promise<boolean> {
  let impatience: NodeJS.Timeout | undefined
  const tooLate = new Promise<false>((resolve) => {
    impatience = setTimeout(resolve, withinMs, false)
  })
  try {
    return await Promise.race([work.then(() => true), tooLate])
  } finally {
    clearTimeout(impatience)
  }
}

/** `bytea` and `int8` as `pg` gives them. */
const parsers = { 17: (text: string) => Buffer.from(text.slice(2), 'hex'), 20: Number }

/**
 * Wraps an open PGlite; the caller owns the data directory and its lock. PGlite has one connection, so it is lent to
 * one user at a time: a statement that slipped into somebody else's transaction would be rolled back with it. Who asks
 * for it while holding it gets the error that an exhausted pool gives, instead of waiting for itself for ever.
 */
export function openEmbedded(pglite: PGlite, onStatement?: OnStatement): Database {
  let last: Promise<void> = Promise.resolve()
  return databaseOver('embedded', onStatement, {
    async connect() {
      const before = last
      let free = () => {}
      last = new Promise((resolve) => {
        free = resolve
      })
      if (!(await settles(before, turnMs))) {
        void before.then(free)
        throw new Error('timeout exceeded when trying to connect to the embedded database')
      }
      return {
        async query(text, values) {
          // A script of several statements (pg-boss sends some) only goes through the simple protocol.
          const script = values.length === 0 && text.includes(';')
          const results = script
            ? await pglite.exec(text, { parsers })
            : [await pglite.query(text, [...values], { parsers })]
          const rows = results.flatMap((result) => result.rows)
          return { rows, rowCount: results.at(-1)?.affectedRows ?? rows.length, command: 'UPDATE' }
        },
        release: () => free(),
      }
    },
    end: () => pglite.close(),
  })
}

function databaseOver(kind: Database['kind'], onStatement: OnStatement | undefined, pool: ClientPool): Database {
  let count = 0
  const counted: ClientPool = {
    async connect() {
      const client = await pool.connect()
      return {
        query(text, values) {
          count += 1
          onStatement?.(text)
          return client.query(text, values ?? [])
        },
        release: () => client.release(),
      }
    },
    end: () => pool.end(),
  }
  return {
    kind,
    query: new Kysely<Tables>({ dialect: new PostgresDialect({ pool: counted as never }) }),
    statements: () => count,
    async run<Row>(text: string, values: readonly unknown[]) {
      const client = await counted.connect()
      try {
        // `pg` answers a script of several statements with a list of results.
        const result = (await client.query(text, values)) as Result | Result[]
        return (Array.isArray(result) ? result.flatMap((one) => one.rows) : result.rows) as Row[]
      } finally {
        client.release()
      }
    },
    close: () => pool.end(),
  }
}

const names = new Map<string, string>()
function statementName(text: string): string {
  let name = names.get(text)
  if (name === undefined) {
    name = createHash('sha256').update(text).digest('base64url').slice(0, 24)
    if (names.size < 5000) names.set(text, name)
  }
  return name
}

const outageCodes = /^(08|53|57P0|58|25006|40001$|40P01$)|^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|EAI_AGAIN)/

/** Turns a driver's error into the Refusal 503 when the database is out of reach, or undefined when it is a bug. */
export function databaseOutage(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error.name === 'ServiceUnavailable' ? error : undefined
  if (error instanceof AggregateError) return error.errors.map(databaseOutage).find((found) => found !== undefined)
  if (!(error instanceof Error)) return undefined
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const text = error.message
  if (
    outageCodes.test(code) ||
    /Connection terminated|timeout exceeded when trying to connect|Query read timeout|PGlite is clos|after calling end|driver has already been destroyed/i.test(
      text,
    )
  )
    return unavailable(`database: ${code} ${text}`.trim())
  return undefined
}
