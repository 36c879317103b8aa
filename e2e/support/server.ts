// The published command as its own process, seen only from outside.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from './free_port.ts'

const command = fileURLToPath(new URL('../../packages/server/bin/headgear.js', import.meta.url))

export type Ended = { code: number | null; signal: NodeJS.Signals | null }
export type LogLine = { msg?: string; level?: string; [field: string]: unknown }

export type Server = AsyncDisposable & {
  /** As its `ready` line says. */
  origin: string
  port: number
  pid: number
  dataDir: string
  /** Everything written to both outputs so far. */
  output(): string
  /** The lines of standard output that are JSON. */
  log(): LogLine[]
  /** Waits for a log line, past or coming. Throws after `timeoutMs` (10 s), or when the server ends before it. */
  logged(wanted: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>
  /** Asks it to stop (SIGTERM), and after 15 s makes it; then deletes the data folder, if it was not the caller's. */
  stop(): Promise<Ended>
  /** Ends it without warning, and keeps the data folder. */
  kill(): Promise<Ended>
  /** Settles when it ends by itself or otherwise. */
  ended: Promise<Ended>
}

export type ServerOptions = {
  /** After `headgear serve --port … --data-dir …`. */
  args?: readonly string[]
  /** Added to this process's environment, from which every `HEADGEAR_` variable is removed first. */
  env?: Readonly<Record<string, string>>
  port?: number
  /** Kept after `stop`; without it, a new temporary folder. */
  dataDir?: string
  readyWithinMs?: number
}

/** Starts `headgear serve` and waits until it logs `ready`. Throws its output when it ends before that. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const port = options.port ?? (await freePort())
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'headgear-data-')))
  const args = ['serve', '--port', String(port), '--data-dir', dataDir, ...(options.args ?? [])]
  const child = spawnHeadgear(args, options.env)
  const heard = listen(child)
  const endWithUs = () => void child.kill('SIGKILL')
  process.once('exit', endWithUs)
  const ended = heard.ended.finally(() => process.removeListener('exit', endWithUs))

  const logged = async (wanted: (line: LogLine) => boolean, timeoutMs = 10_000) => {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const over = heard.isOver() // asked first, so that the last lines are still looked at
      const found = heard.log().find(wanted)
      if (found !== undefined) return found
      if (over) throw new Error(`headgear ended (${JSON.stringify(await ended)}):\n${heard.output()}`)
      if (performance.now() > deadline)
        throw new Error(`headgear did not log it in ${timeoutMs} ms:\n${heard.output()}`)
      await sleep(10)
    }
  }
  const kill = () => {
    child.kill('SIGKILL')
    return ended
  }
  const stop = async () => {
    child.kill('SIGTERM')
    const impatience = setTimeout(() => child.kill('SIGKILL'), 15_000)
    const how = await ended
    clearTimeout(impatience)
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true })
    return how
  }

  try {
    const ready = await logged((line) => line.msg === 'ready', options.readyWithinMs ?? 60_000)
    return {
      origin: String(ready.origin),
      port,
      pid: child.pid as number,
      dataDir,
      output: heard.output,
      log: heard.log,
      logged,
      stop,
      kill,
      ended,
      [Symbol.asyncDispose]: async () => void (await stop()),
    }
  } catch (error) {
    await kill()
    await stop()
    throw error
  }
}

/** Runs any `headgear` command to its end. */
export async function runHeadgear(
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; timeoutMs?: number } = {},
): Promise<Ended & { stdout: string; stderr: string }> {
  const child = spawnHeadgear(args, options.env)
  const heard = listen(child)
  const impatience = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000)
  const how = await heard.ended
  clearTimeout(impatience)
  return { ...how, stdout: heard.stdout(), stderr: heard.stderr() }
}

type Child = ChildProcessByStdio<null, Readable, Readable>

function spawnHeadgear(args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HEADGEAR_'))
  return spawn(process.execPath, [command, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function listen(child: Child) {
  let [all, out, err, over] = ['', '', '', false]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    all += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
    all += text
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      over = true
      resolve({ code, signal })
    })
  })
  return {
    ended,
    isOver: () => over,
    output: () => all,
    stdout: () => out,
    stderr: () => err,
    log: () => out.split('\n').slice(0, -1).flatMap(parse),
  }
}

function parse(line: string): LogLine[] {
  if (!line.startsWith('{')) return []
  try {
    return [JSON.parse(line) as LogLine]
  } catch {
    return []
  }
}
