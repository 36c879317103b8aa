// Runs the example without root and without touching /etc/nginx: the installed nginx with headgear.conf, and the backend
// behind it. Headgear is expected on --port (4000), the demo app on the next; nginx takes the one after that.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const base = Number(parseArgs({ options: { port: { type: 'string', default: '4000' } } }).values.port)
const here = fileURLToPath(new URL('.', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'headgear-nginx-'))
const conf = readFileSync(join(here, 'headgear.conf'), 'utf8').replace(
  /\b400([023])\b/g,
  (_, last) => base + Number(last),
)
const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
writeFileSync(
  join(dir, 'nginx.conf'),
  `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${dir}/nginx.pid;
error_log stderr warn;
events {}
http {
access_log off;
${folders.map((name) => `${name}_temp_path ${dir}/${name};`).join('\n')}
${conf}
}`,
)

const path = `${process.env.PATH}:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin`
const children = [
  spawn('nginx', ['-p', dir, '-e', 'stderr', '-c', join(dir, 'nginx.conf')], {
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  }),
  spawn(process.execPath, [join(here, 'backend.js')], {
    stdio: 'inherit',
    env: { ...process.env, PORT: String(base + 3), APP_ORIGIN: `http://localhost:${base + 1}` },
  }),
]

let ending = false
function end(code) {
  if (ending) return
  ending = true
  for (const child of children) child.kill()
  process.exitCode = code
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => end(0))
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
for (const child of children) {
  child.on('error', (error) => {
    console.error(
      error.code === 'ENOENT' ? 'nginx is not installed. On Debian: apt-get install nginx-light' : error.message,
    )
    end(1)
  })
  child.on('exit', () => end(1)) // one without the other is no use
}
console.log(`nginx on http://localhost:${base + 2}, asking Headgear on http://localhost:${base}. Stop: Ctrl-C`)
