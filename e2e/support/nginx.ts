// The installed nginx in the foreground, with everything it writes in a temporary folder.
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free_port.ts'
import { accepts, find } from './installed.ts'

export type Nginx = AsyncDisposable & {
  port: number
  /** `http://127.0.0.1:<port>` */
  origin: string
  /** What it wrote to its error log so far; configuration may send more there with `access_log /dev/stderr`. */
  log(): string
  stop(): Promise<void>
}

/**
 * Starts nginx with the inside of its `http` block, made by `http` for a free port: `server { listen 127.0.0.1:<port>; … }`.
 * `dir` is an empty folder for files that the configuration wants. Resolves once the port accepts connections.
 * Throws nginx's own words when it refuses the configuration.
 */
export async function startNginx(http: (place: { port: number; dir: string }) => string): Promise<Nginx> {
  const binary = find('nginx', 'nginx')
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'headgear-nginx-'))
  const file = join(dir, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  await writeFile(
    file,
    `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${dir}/nginx.pid;
error_log stderr info;
events { worker_connections 256; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${dir}/${name};`).join('\n  ')}
${http({ port, dir })}
}
`,
  )
  let log = ''
  const child = spawn(binary, ['-p', dir, '-e', 'stderr', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const endWithUs = () => void child.kill()
  process.once('exit', endWithUs)
  const stop = async () => {
    process.removeListener('exit', endWithUs)
    child.kill('SIGTERM')
    await ended
    await rm(dir, { recursive: true, force: true })
  }

  const deadline = performance.now() + 10_000
  while (!(await accepts(port))) {
    const gone = child.exitCode !== null || child.signalCode !== null
    if (gone || performance.now() > deadline) {
      await stop()
      throw new Error(gone ? `nginx did not start:\n${log}` : `nginx does not listen on the port ${port} it was given`)
    }
    await sleep(20)
  }
  return { port, origin: `http://127.0.0.1:${port}`, log: () => log, stop, [Symbol.asyncDispose]: stop }
}
