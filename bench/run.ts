// `npm run bench [-- section…] [--json]`: every claim of speed as a ratio, measured in this run beside a peer.
import { parseArgs } from 'node:util'
import { type PostgresServer, startPostgres } from '../packages/server/test/support/postgres.ts'
import { type Claim, isMet, lineOf } from './claim.ts'
import { flat } from './sections/flat.ts'
import { local } from './sections/local.ts'
import { login } from './sections/login.ts'
import { memory } from './sections/memory.ts'
import { nodes } from './sections/nodes.ts'
import { proxied } from './sections/proxied.ts'
import { resolve } from './sections/resolve.ts'
import { revocation } from './sections/revocation.ts'
import { start } from './sections/start.ts'
import { code, refresh } from './sections/tokens.ts'

export type Bench = {
  /** The throw-away cluster of this run. */
  postgres(): Promise<PostgresServer>
}

const sections: Record<string, (bench: Bench) => Promise<Claim[]>> = {
  resolve,
  refresh,
  code,
  login,
  start,
  memory,
  flat,
  proxied,
  local,
  revocation,
  nodes,
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean' } } })
  const wanted = positionals.length === 0 ? Object.keys(sections) : positionals
  const unknown = wanted.filter((name) => sections[name] === undefined)
  if (unknown.length > 0)
    throw new Error(`no section ${unknown.join(', ')}; there are ${Object.keys(sections).join(', ')}`)

  let cluster: Promise<PostgresServer> | undefined
  const bench: Bench = { postgres: () => (cluster ??= startPostgres()) }
  const say = (text: string) => (values.json ? process.stderr : process.stdout).write(`${text}\n`)
  const found: (Claim & { section: string; met: boolean })[] = []
  try {
    for (const name of wanted) {
      say(name)
      for (const claim of (await sections[name]?.(bench)) ?? []) {
        say(lineOf(claim))
        found.push({ section: name, ...claim, met: isMet(claim) })
      }
    }
  } finally {
    await (await cluster)?.remove()
  }
  say(`${found.filter((claim) => claim.met).length} of ${found.length} goals met`)
  if (values.json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
}

// Whatever was started ends when this process does; a signal must therefore end it in the ordinary way.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
  process.exit(1)
})
