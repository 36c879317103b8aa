// Every npm script of the repository: `node scripts/run.mjs <task> [arguments]`, from any Node since 14.
// It finds the pinned Node, goes on under it, and then each task below is a few lines.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { endLike, findNode, root, run, withNodeFirst } from './pinned_node.mjs'

const tool = {
  tsc: join(root, 'node_modules/typescript/bin/tsc'),
  vite: join(root, 'node_modules/vite/bin/vite.js'),
  vitest: join(root, 'node_modules/vitest/vitest.mjs'),
  biome: join(root, 'node_modules/@biomejs/biome/bin/biome'),
  knip: join(root, 'node_modules/knip/bin/knip.js'),
}
const server = join(root, 'packages/server')
const demo = join(root, 'packages/demo')

/** @type {Record<string, (args: string[]) => Promise<void>>} */
const tasks = {
  build,

  async start(args) {
    await build()
    await become(join(demo, 'start.ts'), args)
  },

  async test(args) {
    await build()
    await step(tool.tsc, ['-b'])
    await step(tool.vitest, ['run'].concat(args))
  },

  async 'test:e2e'(args) {
    await build()
    await step(tool.vitest, ['run', '--config', 'e2e/vitest.config.ts'].concat(args))
  },

  async bench(args) {
    await build()
    await become(join(root, 'bench/run.ts'), args)
  },

  async check() {
    await all([
      [tool.biome, ['ci', '.']],
      [tool.tsc, ['-b']],
      [tool.knip, []],
    ])
  },

  async format(args) {
    await step(tool.biome, ['check', '--write'].concat(args.length > 0 ? args : ['.']))
  },
}

async function build() {
  if (!existsSync(tool.tsc)) return withoutCompiler()
  await step(tool.tsc, ['-b', 'packages/server', 'packages/node'], 'stderr')

  // The embedded database starts from a template with the migrations done: seconds saved on each first start.
  const template = join(server, 'dist/storage/template.js')
  if (existsSync(template)) {
    await unlessUnchanged({
      inputs: [join(server, 'dist/storage'), join(server, 'package.json')],
      output: join(server, 'dist/embedded-template.tar.gz'),
      work: () => step(template, [], 'stderr'),
    })
  }

  if (existsSync(join(demo, 'index.html'))) {
    await unlessUnchanged({
      inputs: [demo, join(root, 'package-lock.json')],
      output: join(demo, 'dist/index.html'),
      work: () => step(tool.vite, ['build', 'packages/demo', '--logLevel', 'warn'], 'stderr'),
    })
  }
}

// `npm ci --omit=dev` leaves the compiler out: right where the build is already there.
function withoutCompiler() {
  if (existsSync(join(server, 'dist/cli.js'))) return
  const message = 'Headgear is not built, and the TypeScript compiler is a development dependency: run `npm ci`.'
  if (process.env.npm_lifecycle_event !== 'prepare') stop(message)
  process.stderr.write(`${message}\n`)
}

/**
 * Runs one tool under the pinned Node; its failure is ours.
 * @param {string} script
 * @param {string[]} args
 * @param {'inherit' | 'stderr'} [stdout]
 */
async function step(script, args, stdout) {
  const ended = await run(process.execPath, [script].concat(args), { cwd: root, stdout: stdout || 'inherit' })
  if (ended.code !== 0) await leave(ended)
}

/**
 * Runs every tool even when one fails, so that one look shows all there is to repair.
 * @param {[script: string, args: string[]][]} steps
 */
async function all(steps) {
  let failed = 0
  for (const [script, args] of steps) {
    const ended = await run(process.execPath, [script].concat(args), { cwd: root })
    if (ended.signal !== null) await leave(ended)
    if (ended.code !== 0 && failed === 0) failed = ended.code || 1
  }
  if (failed !== 0) process.exit(failed)
}

/**
 * Goes on as another program in this same process, so that signals and exit codes are its own.
 * @param {string} script
 * @param {string[]} args
 */
async function become(script, args) {
  process.argv = [process.execPath, script].concat(args)
  await import(pathToFileURL(script).href)
}

/**
 * Does `work`, which makes `output`, unless that is there and the content of `inputs` is what it was made from.
 * @param {object} job
 * @param {string[]} job.inputs files, and folders without their node_modules, dist and hidden entries
 * @param {string} job.output
 * @param {() => Promise<void>} job.work
 */
async function unlessUnchanged({ inputs, output, work }) {
  const hash = createHash('sha256')
  for (const file of inputs.flatMap(filesOf)) hash.update(file).update('\0').update(readFileSync(file)).update('\0')
  const digest = hash.digest('hex')
  const stamp = `${output}.inputs`
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  await work()
  writeFileSync(stamp, digest)
}

/**
 * @param {string} path
 * @returns {string[]}
 */
function filesOf(path) {
  if (!statSync(path).isDirectory()) return [path]
  const kept = readdirSync(path).filter((name) => !name.startsWith('.') && name !== 'node_modules' && name !== 'dist')
  return kept.sort().flatMap((name) => filesOf(join(path, name)))
}

/**
 * @param {{ code: number | null, signal: NodeJS.Signals | null }} ended
 * @returns {Promise<never>}
 */
function leave(ended) {
  endLike(ended)
  return new Promise(() => {}) // a signal to oneself arrives a moment later
}

async function main() {
  const name = process.argv[2] || ''
  const args = process.argv.slice(3)
  const task = tasks[name]
  if (task === undefined) stop(`Usage: node scripts/run.mjs ${Object.keys(tasks).join('|')} [arguments]`)
  endWithNpm()
  const node = pinnedNode()
  if (!node.current) return leave(await run(node.path, [fileURLToPath(import.meta.url), name].concat(args)))
  Object.assign(process.env, withNodeFirst(node.path))
  await task(args)
}

// npm, when it is told to end, forgets its child; a server that nobody sees would keep the port.
function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM')
  }, 500).unref()
}

function pinnedNode() {
  try {
    return findNode()
  } catch (error) {
    return stop(error instanceof Error ? error.message : String(error))
  }
}

/**
 * @param {string} message
 * @returns {never}
 */
function stop(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

main()
