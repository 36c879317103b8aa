// Processes beside ours: peers, and whatever is timed from its start. All end with this one.
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export type Started = AsyncDisposable & {
  pid: number
  /** From the spawn to the awaited line. */
  readyAfterMs: number
  ready: Record<string, unknown>
  /** Sends a line, and waits for the next one. */
  ask(line: string): Promise<Record<string, unknown>>
}

/** Starts Node with these arguments, and waits for a line of JSON that `isReady` accepts. Throws when it ends before. */
export async function startNode(
  args: readonly string[],
  options: { env?: Record<string, string>; isReady?: (line: Record<string, unknown>) => boolean } = {},
): Promise<Started> {
  const began = performance.now()
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(process.execPath, args, {
    env: { ...process.env, NODE_ENV: 'production', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let complaints = ''
  child.stderr.on('data', (text) => (complaints += text))
  const endWithUs = () => void child.kill('SIGKILL')
  process.once('exit', endWithUs)
  const ended = once(child, 'exit').finally(() => process.removeListener('exit', endWithUs))
  const lines = createInterface({ input: child.stdout })
  const nextLine = async (wanted: (line: Record<string, unknown>) => boolean) => {
    const heard = new Promise<Record<string, unknown>>((resolve) => {
      const listen = (text: string) => {
        const line = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}
        if (!text.startsWith('{') || !wanted(line)) return
        lines.off('line', listen)
        resolve(line)
      }
      lines.on('line', listen)
    })
    const early = ended.then(([code]) => {
      throw new Error(`node ${args.join(' ')} ended (${code}):\n${complaints}`)
    })
    early.catch(() => {})
    return Promise.race([heard, early])
  }
  const ready = await nextLine(options.isReady ?? (() => true))
  return {
    pid: child.pid as number,
    readyAfterMs: performance.now() - began,
    ready,
    ask(line) {
      const answer = nextLine(() => true)
      child.stdin.write(`${line}\n`)
      return answer
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

export const peerFile = (name: string) => fileURLToPath(new URL(`./peers/${name}.ts`, import.meta.url))

/** Resident memory of a process, in MB. */
export async function residentMB(pid: number): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)])
  return Number(stdout) / 1024
}
