// What `npm start` runs, and what the nginx example's README says to run beside it.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

export type Demo = AsyncDisposable & {
  /** Headgear, the demo app on the next port, nginx on the one after. */
  headgear: string
  app: string
  nginx: string
  port: number
  dataDir: string
  output(): string
  stop(): Promise<{ code: number | null }>
}

/** Starts Headgear with the demo app on four ports in a row. `nginx` starts that example, too. Throws its output when it does not get ready. */
export async function startDemo(options: { nginx?: boolean } = {}): Promise<Demo> {
  const port = await freeRow(4)
  const dataDir = await mkdtemp(join(tmpdir(), 'headgear-demo-'))
  const server = run(['packages/demo/start.ts', '--port', String(port), '--data-dir', dataDir], 'Start over')
  const proxy = options.nginx ? run(['examples/nginx/start.js', '--port', String(port)], 'for nginx alone') : undefined
  const stop = async () => {
    await proxy?.stop()
    const ended = await server.stop()
    await rm(dataDir, { recursive: true, force: true })
    return ended
  }
  try {
    await Promise.all([server.ready, proxy?.ready])
  } catch (error) {
    await stop()
    throw error
  }
  const at = (offset: number) => `http://localhost:${port + offset}`
  return {
    headgear: at(0),
    app: at(1),
    nginx: at(2),
    port,
    dataDir,
    output: server.output,
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  }
}

/** Runs a script of the repository until `stop`; `ready` settles once it has written `sign`. */
export function run(args: readonly string[], sign: string, env: Readonly<Record<string, string>> = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HEADGEAR_'))
  const child: ChildProcess = spawn(process.execPath, [...args], {
    cwd: root,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const endWithUs = () => void child.kill()
  process.once('exit', endWithUs)
  let output = ''
  const ended = new Promise<{ code: number | null }>((resolve) => child.once('close', (code) => resolve({ code })))
  const ready = new Promise<void>((resolve, reject) => {
    const hear = (text: string) => {
      output += text
      if (output.includes(sign)) resolve()
    }
    child.stdout?.setEncoding('utf8').on('data', hear)
    child.stderr?.setEncoding('utf8').on('data', hear)
    void ended.then(({ code }) => reject(new Error(`${args[0]} ended with ${code}:\n${output}`)))
    setTimeout(() => reject(new Error(`${args[0]} is not ready:\n${output}`)), 60_000).unref()
  })
  ready.catch(() => {})
  return {
    ready,
    ended,
    output: () => output,
    async stop() {
      process.removeListener('exit', endWithUs)
      child.kill('SIGTERM')
      return ended
    },
  }
}

/** The first of `count` free loopback ports in a row; another process may still take one first. */
export async function freeRow(count: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const first = 20_000 + Math.floor(Math.random() * 10_000)
    const free = await Promise.all(Array.from({ length: count }, (_, offset) => isFree(first + offset)))
    if (free.every(Boolean)) return first
  }
  throw new Error(`no ${count} free ports in a row`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
