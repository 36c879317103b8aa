#!/usr/bin/env node
// The `headgear` command. In a checkout of the repository any Node since 14 can start it: it builds first
// when nothing is built yet, and goes on under the Node that the lockfile pins.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const cli = new URL('../dist/cli.js', import.meta.url)
const checkout = existsSync(new URL('../src/cli.ts', import.meta.url))
const tooOld = Number(process.versions.node.split('.')[0]) < 24

if (checkout && (tooOld || !existsSync(cli))) {
  const { endLike, findNode, root, run } = await import('../../../scripts/pinned_node.mjs')
  try {
    const node = findNode().path
    const built =
      existsSync(cli) || (await run(node, [`${root}scripts/run.mjs`, 'build'], { stdout: 'stderr' })).code === 0
    if (!built) fail('headgear could not be built')
    endLike(await run(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)]))
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error))
  }
} else if (tooOld) {
  fail(`headgear needs Node 24 or later; this is ${process.version}.`)
} else {
  await import(cli.href)
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
