// `npm start`: Headgear for development in this process, and the demo app beside it on the next port.
import { createWriteStream, existsSync, mkdirSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { demoOrigins } from '../server/dist/dev/seed.js'
import { BadSetup } from '../server/dist/serve.js'
import { serveProject } from '../server/dist/serve_project.js'
import { readSettings } from '../server/dist/settings.js'
import { demoServer } from './site.ts'

/** Stops what was started and leaves: 2 for wrong settings, as `headgear serve`, and 1 for anything else. */
class Stop extends Error {
  readonly code: number
  constructor(message: string, code: number) {
    super(message)
    this.code = code
  }
}

const args = process.argv.slice(2)
const again = (port: number) => `Stop the program that has it, or choose another pair: npm start -- --port ${port}`

async function main(): Promise<void> {
  const settings = readSettings(['--dev', ...args], process.env)
  const dataDir = settings.dataDir ?? '.headgear'
  const log = openLog(dataDir)
  const running = await serveProject({ ...settings, logSink: log }).catch((error: Error) => {
    throw isTaken(error) ? new Stop(`Port ${settings.port} is taken. ${again((settings.port ?? 0) + 1000)}`, 1) : error
  })
  let demo: Server | undefined
  const stop = async () => {
    demo?.closeAllConnections()
    demo?.close()
    await running.stop()
  }
  try {
    // The seeded project knows the demo; a configuration of one's own does not.
    demo = settings.configFile === undefined ? await serveDemo(running.origin) : undefined
  } catch (error) {
    await stop()
    throw error
  }
  onSignal(stop)
  log.release()
  process.stdout.write(`${welcome(running.origin, demo !== undefined, log.file, dataDir)}\n`)
}

async function serveDemo(origin: string): Promise<Server> {
  const { app, nginx } = demoOrigins(origin)
  const port = Number(new URL(app).port)
  const base = port === 4001 ? '' : ` --port ${port - 1}`
  const server = demoServer(join(import.meta.dirname, 'dist'), {
    endpoint: origin,
    nginx,
    nginxCommand: `node examples/nginx/start.js${base}`,
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(isTaken(error) ? new Stop(`Port ${port}, for the demo app, is taken. ${again(port + 999)}`, 1) : error),
    )
    server.listen(port, '127.0.0.1', resolve)
  })
  return server
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

/**
 * The server's log goes to a file, so that the links stay in sight; warnings and errors are shown as well. `ready` waits
 * for `release`: whoever waits for that line may use the demo, too.
 */
function openLog(dataDir: string) {
  const file = join(dataDir, 'server.log')
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 })
  let ready = ''
  return {
    file,
    write(line: string) {
      stream.write(line)
      const { level, msg } = JSON.parse(line) as { level?: string; msg?: string }
      if (msg === 'ready') ready = line
      else if (level === 'warn' || level === 'error' || level === 'fatal') process.stderr.write(line)
    },
    release: () => process.stdout.write(ready),
  }
}

function welcome(origin: string, withDemo: boolean, logFile: string, dataDir: string): string {
  const { app } = demoOrigins(origin)
  return `
  Headgear is running.

  First steps   ${origin}/_dev/start
  Demo app      ${withDemo ? app : 'not served: --config names a project of your own'}
  Inbox         ${origin}/_dev

  1. Create the first account in the demo app.
  2. Read its code in the inbox; nothing is sent anywhere.
  3. End that session, and watch the app lose access.

  Development only. Log: ${logFile}. Stop: Ctrl-C. Start over: rm -rf ${dataDir}`
}

function onSignal(stop: () => Promise<void>): void {
  let asked = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (asked) process.exit(130)
      asked = true
      stop().then(
        () => process.exit(0),
        (error: Error) => fail(error),
      )
    })
}

function fail(error: unknown): never {
  const code = error instanceof Stop ? error.code : error instanceof BadSetup ? 2 : 1
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(code)
}

// Before the server is up there is nothing to finish: a signal ends the process at once, with its own exit code.
if (!existsSync(join(import.meta.dirname, 'dist/index.html')))
  fail(new Error('The demo is not built: run `npm run build`.'))
await main().catch(fail)
