// PostgreSQL for tests: a cluster of its own in a temporary folder, gone when the tests are, however they end.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { chmod, chown, mkdtemp, open, readFile, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { freePort } from './free_port.ts'

const exec = promisify(execFile)

export type TestDatabase = {
  /** Connects as its owner. */
  url: string
  /** Removes it, and cuts off who is still connected. */
  drop(): Promise<void>
}

export type PostgresServer = AsyncDisposable & {
  port: number
  /** Connects as superuser to the database `postgres`. */
  url: string
  createDatabase(): Promise<TestDatabase>
  /** Shuts down in order: sessions are cut off, everything committed is kept. */
  stop(): Promise<void>
  /** Ends every process at once, as a crash would; a durable server keeps what it acknowledged. */
  kill(): Promise<void>
  /** Starts again after `stop` or `kill`, on the same port with the same data. */
  start(): Promise<void>
  /** Holds every process still, as a machine that hangs: connections stay open and nothing answers. */
  freeze(): Promise<void>
  /** Ends `freeze`. */
  thaw(): Promise<void>
  /** Stops and deletes everything. */
  remove(): Promise<void>
}

/** The folder of the newest installed PostgreSQL's `initdb` and `postgres`, or undefined when there is none. */
export function findPostgres(): string | undefined {
  const versions = '/usr/lib/postgresql' // Debian keeps them off the PATH, a folder for each version
  const debian = existsSync(versions)
    ? readdirSync(versions)
        .sort((a, b) => Number.parseFloat(b) - Number.parseFloat(a))
        .map((version) => join(versions, version, 'bin'))
    : []
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return [...debian, ...path].find(
    (folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  )
}

/**
 * Starts a new cluster on a free loopback port.
 * `durable` keeps `fsync` on, for tests that end it abruptly; `settings` go to `postgres -c`.
 * Throws when no PostgreSQL is installed, or with the end of its log when it does not start.
 */
export async function startPostgres(
  options: { durable?: boolean; settings?: Record<string, string> } = {},
): Promise<PostgresServer> {
  const bin = findPostgres()
  if (bin === undefined) throw new Error('no PostgreSQL is installed: `initdb` and `postgres` were not found')
  const owner = unprivileged()
  const dir = await mkdtemp(join(tmpdir(), 'headgear-postgres-'))
  const janitor = hireJanitor(dir)
  const as = { cwd: dir, env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }, ...owner }
  const password = randomBytes(16).toString('hex')
  const data = join(dir, 'data')
  const passwordFile = join(dir, 'password')
  await writeFile(passwordFile, password)
  if (owner !== undefined) {
    await chown(dir, owner.uid, owner.gid)
    await chown(passwordFile, owner.uid, owner.gid)
  }
  await chmod(passwordFile, 0o600)
  await exec(
    join(bin, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'postgres',
      '-E',
      'UTF8',
      '--no-locale',
      '--no-sync',
      '-A',
      'scram-sha-256',
      '--pwfile',
      passwordFile,
    ],
    as,
  )

  const hasty = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    ...(options.durable ? {} : hasty),
    ...options.settings,
  }
  const logFile = join(dir, 'log')
  let port = 0
  let child: ChildProcess | undefined

  const attempt = async (): Promise<'ready' | string> => {
    const log = await open(logFile, 'w')
    const flags = Object.entries({ port: String(port), ...settings }).flatMap(([key, value]) => [
      '-c',
      `${key}=${value}`,
    ])
    const started = spawn(join(bin, 'postgres'), ['-D', data, ...flags], {
      ...as,
      detached: true, // a terminal's Ctrl-C is for the tests, which then end this in order
      stdio: ['ignore', log.fd, log.fd],
    })
    const failed = new Promise<Error | undefined>((resolve) => {
      started.once('error', resolve)
      started.once('exit', () => resolve(undefined))
    })
    await log.close()
    started.unref()
    child = started
    const deadline = performance.now() + 60_000
    while (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
      if (await answers(serverUrl(port, password))) return 'ready'
      await Promise.race([sleep(50), failed])
    }
    child.kill('SIGKILL')
    const error = await failed
    child = undefined
    return `${error?.message ?? ''}${await readFile(logFile, 'utf8')}`
  }

  const start = async () => {
    if (child !== undefined) throw new Error('PostgreSQL is running already')
    const first = port === 0
    for (let tries = 0; ; tries += 1) {
      if (first) port = await freePort()
      const outcome = await attempt()
      if (outcome === 'ready') return
      // Someone took the port meanwhile; or a killed server's last processes still hold its memory.
      const passing = first ? /could not bind/ : /shared memory block|could not bind/
      if (tries === 40 || !passing.test(outcome)) throw new Error(`PostgreSQL did not start:\n${outcome.slice(-2000)}`)
      await sleep(100)
    }
  }

  const running = () => {
    if (child?.pid === undefined) throw new Error('PostgreSQL is not running')
    return { process: child, pid: child.pid }
  }

  const end = async (send: (pid: number) => Promise<void> | void) => {
    const { process: ending, pid } = running()
    const gone = new Promise((resolve) => ending.once('exit', resolve))
    ending.ref()
    if (ending.exitCode === null && ending.signalCode === null) {
      await send(pid)
      await gone
    }
    child = undefined
  }

  const server: PostgresServer = {
    get port() {
      return port
    },
    get url() {
      return serverUrl(port, password)
    },
    createDatabase: () => createDatabase(serverUrl(port, password)),
    start,
    stop: () => end((pid) => void process.kill(pid, 'SIGINT')),
    kill: () => end((pid) => signalFamily(pid, 'SIGKILL')),
    freeze: () => signalFamily(running().pid, 'SIGSTOP'),
    thaw: () => signalFamily(running().pid, 'SIGCONT'),
    async remove() {
      if (child !== undefined) await server.kill()
      await janitor.dismiss()
    },
    [Symbol.asyncDispose]: () => server.remove(),
  }
  try {
    await start()
  } catch (error) {
    await janitor.dismiss()
    throw error
  }
  return server
}

/**
 * Makes an empty database with a name of its own on the server at `serverUrl`, as a role that may create databases;
 * without it, on the server that the test run brought, which `HEADGEAR_TEST_DATABASE_URL` names.
 */
export async function createDatabase(serverUrl = process.env.HEADGEAR_TEST_DATABASE_URL): Promise<TestDatabase> {
  if (serverUrl === undefined) throw new Error('no PostgreSQL to test on: set HEADGEAR_TEST_DATABASE_URL')
  const name = `headgear_test_${randomBytes(8).toString('hex')}`
  await onServer(serverUrl, `CREATE DATABASE ${name}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => onServer(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
}

/** Runs a statement, or several, on a connection of its own. */
export async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 30_000 })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

function serverUrl(port: number, password: string): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
}

// PostgreSQL refuses to run as root.
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  for (const user of ['postgres', 'nobody']) {
    try {
      const id = (flag: string) => Number(execFileSync('id', [flag, user], { stdio: ['ignore', 'pipe', 'ignore'] }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      // No such user here.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as')
}

// Each of its processes leads a session of its own, so a signal to the group would miss them.
async function signalFamily(pid: number, signal: NodeJS.Signals): Promise<void> {
  const { stdout } = await exec('ps', ['-A', '-o', 'pid=,ppid='])
  const pairs = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  const children = pairs.filter(([, parent]) => parent === pid).map(([child]) => child as number)
  for (const each of [pid, ...children]) {
    try {
      process.kill(each, signal)
    } catch {
      // It ended in the meantime.
    }
  }
}

// A shell that outlives us by a moment. Its input ends when we end, even by SIGKILL; then it ends PostgreSQL
// (after looking that the process is still that one) and deletes the folder.
function hireJanitor(dir: string): { dismiss(): Promise<void> } {
  const script = `
    trap '' INT TERM HUP
    cat
    pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
    if [ -n "$pid" ]; then
      case "$(ps -o args= -p "$pid" 2>/dev/null)" in *"$1/data"*) kill -CONT "$pid"; kill -QUIT "$pid"; sleep 1 ;; esac
    fi
    rm -rf "$1"`
  const shell = spawn('/bin/sh', ['-c', script, 'janitor', dir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.unref()
  const input = shell.stdin as Socket
  input.unref()
  const gone = new Promise<void>((resolve, reject) => {
    shell.once('exit', () => resolve())
    shell.once('error', reject)
  })
  return {
    dismiss() {
      shell.ref()
      input.end()
      return gone
    },
  }
}
