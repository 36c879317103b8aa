// A program that Debian installs, in the foreground, with a folder of its own.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export type Installed = AsyncDisposable & {
  /** What it wrote to both outputs so far. */
  output(): string
  stop(): Promise<void>
}

/** Where a program lies. @throws when it is not installed, with the package that has it. */
export function find(program: string, debianPackage: string): string {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin']
  const path = folders.map((folder) => join(folder, program)).find((candidate) => existsSync(candidate))
  if (path === undefined) throw new Error(`no ${program} found: install it (Debian: apt-get install ${debianPackage})`)
  return path
}

/** Starts a program, and resolves once `port` takes connections. @throws its own words when it ends before that. */
export async function startInstalled(
  command: readonly [string, ...string[]],
  options: { port: number; cwd: string; env?: Readonly<Record<string, string>> },
): Promise<Installed> {
  const { port, cwd, env = {} } = options
  let output = ''
  const child = spawn(command[0], command.slice(1), {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const endWithUs = () => void child.kill()
  process.once('exit', endWithUs)
  const stop = async () => {
    process.removeListener('exit', endWithUs)
    child.kill('SIGTERM')
    const impatience = setTimeout(() => child.kill('SIGKILL'), 5000)
    await ended
    clearTimeout(impatience)
  }
  const deadline = performance.now() + 15_000
  while (!(await accepts(port))) {
    const gone = child.exitCode !== null || child.signalCode !== null
    if (gone || performance.now() > deadline) {
      await stop()
      throw new Error(`${command.join(' ')} does not listen on port ${port}:\n${output}`)
    }
    await sleep(20)
  }
  return { output: () => output, stop, [Symbol.asyncDispose]: stop }
}

/** Whether something takes connections on a port of this machine. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
