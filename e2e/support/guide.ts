// A guide of docs/, taken at its word: what it shows as a file is written, what it says to type is typed.
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from './free_port.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export type Guide = AsyncDisposable & {
  /** The shell blocks in their order, at the ports of this run. */
  commands: string[]
  /** An address of the guide at the ports of this run. */
  at(address: string): string
  /** Types a command and gives what it printed. @throws what it said when it fails. */
  type(command: string): Promise<string>
  /** Types a command that goes on, and waits until it has printed `sign`. It ends with the guide. */
  start(command: string, sign: string): Promise<void>
}

/**
 * Opens a guide in a folder of its own, where packages are those of the repository. A block whose fence names a file
 * (` ```js app.js `) is written there; one of `sh` is a command. Ports 4000 to 4009 are moved to free ones.
 */
export async function openGuide(name: string): Promise<Guide> {
  const written = await readFile(join(root, 'docs/guides', `${name}.md`), 'utf8')
  const ports = new Map<string, string>()
  for (const [port] of written.matchAll(/\b400\d\b/g)) if (!ports.has(port)) ports.set(port, String(await freePort()))
  const at = (text: string) => text.replace(/\b400\d\b/g, (port) => ports.get(port) ?? port)
  const dir = await mkdtemp(join(tmpdir(), 'headgear-guide-'))
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'))
  await writeFile(join(dir, 'package.json'), '{ "type": "module" }\n')
  const commands: string[] = []
  for (const [, language, file, text = ''] of written.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)) {
    if (language === 'sh' && file === undefined) commands.push(at(text))
    else if (file?.includes('.')) await writeFile(join(dir, file), at(text))
  }
  const inherited = Object.entries(process.env).filter(([key]) => !key.startsWith('HEADGEAR_'))
  const env = {
    ...Object.fromEntries(inherited),
    HEADGEAR_PORT: at('4000'), // where a guide says nothing
    PATH: [join(dir, 'node_modules/.bin'), dirname(process.execPath), process.env.PATH].join(delimiter),
  }
  // npx would find the same program, half a second later; Debian's Python is the one with Debian's packages.
  const debian = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3'
  const plain = (command: string) => command.replaceAll(/\bnpx /g, '').replaceAll(/\bpython3 /g, `${debian} `)
  const ends: (() => Promise<void>)[] = []
  return {
    commands,
    at,
    async type(command) {
      return (await promisify(execFile)('sh', ['-ec', plain(command)], { cwd: dir, env })).stdout
    },
    start(command, sign) {
      // A group of its own: the shell's child must end with it.
      const child = spawn('sh', ['-ec', plain(command)], {
        cwd: dir,
        env,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const kill = (signal: NodeJS.Signals) => {
        try {
          if (child.pid !== undefined) process.kill(-child.pid, signal)
        } catch {} // It is over.
      }
      const endWithUs = () => kill('SIGKILL')
      process.once('exit', endWithUs)
      const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
      ends.push(async () => {
        process.removeListener('exit', endWithUs)
        kill('SIGTERM')
        const impatience = setTimeout(kill, 5000, 'SIGKILL')
        await ended
        clearTimeout(impatience)
      })
      return new Promise((resolve, reject) => {
        let output = ''
        const hear = (text: string) => {
          output += text
          if (output.includes(sign)) resolve()
        }
        for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear)
        void ended.then(() => reject(new Error(`${command} ended:\n${output}`)))
        setTimeout(() => reject(new Error(`${command} does not say “${sign}”:\n${output}`)), 60_000).unref()
      })
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(ends.map((end) => end()))
      await rm(dir, { recursive: true, force: true })
    },
  }
}
