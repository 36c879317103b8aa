// The `headgear` command. Exit codes: 0 a clean stop, 2 a bad configuration, 1 anything else.
import { readFile } from 'node:fs/promises'
import { type Command, faultLines, runCommand } from './commands.ts'
import type { Fault } from './config/faults.ts'
import { askServer } from './control.ts'
import { makeNode } from './node.ts'
import { Refusal } from './refusal.ts'
import { BadSetup, openWorld } from './serve.ts'
import { serveProject } from './serve_project.ts'
import { readSettings, type Settings } from './settings.ts'
import { openPostgres } from './storage/database.ts'
import { prepare } from './storage/prepare.ts'

const usage = `usage:
  headgear serve [--port 4000] [--ops-port N] [--hostname ADDRESS] [--data-dir .headgear] [--database-url URL]
                 [--config authgear.yaml --secrets authgear.secrets.yaml] [--trust-proxy CIDR]... [--base-host HOST]
                 [--allow-outbound CIDR]... [--smtp-url URL] [--log-level info] [--dev]
                 [--acme EMAIL] [--acme-directory URL] [--https-port 443] [--http-port 80]
  headgear migrate --database-url URL
  headgear project create ID --config FILE [--secrets FILE]
  headgear domain add|prove|list ID [DOMAIN]
  headgear domain use ID DOMAIN [--primary]
  headgear admin-token ID
  headgear doctor
Every flag has an environment variable: --database-url is HEADGEAR_DATABASE_URL. HEADGEAR_MASTER_KEY (32 bytes, base64)
seals secrets at rest.`

async function commandOf(settings: Settings): Promise<Command> {
  const [name, verb, id, domain] = settings.words
  if (name === 'project' && verb === 'create' && id !== undefined) {
    if (settings.configFile === undefined) throw new BadSetup('project create needs --config FILE')
    const config = await readFile(settings.configFile, 'utf8').catch((error: Error) => {
      throw new BadSetup(error.message)
    })
    const secrets = settings.secretsFile === undefined ? undefined : await readFile(settings.secretsFile, 'utf8')
    return { name: 'project create', id, config, secrets }
  }
  if (name === 'domain' && id !== undefined) {
    if (verb === 'list') return { name: 'domain list', id }
    if (domain !== undefined && verb === 'use') return { name: 'domain use', id, domain, primary: settings.primary }
    if (domain !== undefined && (verb === 'add' || verb === 'prove')) return { name: `domain ${verb}`, id, domain }
  }
  if (name === 'admin-token' && verb !== undefined) return { name, id: verb }
  if (name === 'doctor') return { name }
  throw new BadSetup(usage)
}

// A command asks the running server where one holds the embedded database, and opens the database itself elsewhere.
async function run(settings: Settings): Promise<void> {
  const command = await commandOf(settings)
  const dataDir = settings.dataDir ?? '.headgear'
  const answer = settings.databaseUrl === undefined ? await askServer(dataDir, command) : undefined
  if (answer !== undefined) {
    process.stdout.write(`${answer}\n`)
    return
  }
  const { world, masterKeys } = await openWorld(settings)
  const node = makeNode({ world, masterKeys, trusted: () => false, baseHost: settings.baseHost })
  try {
    await node.log.poll()
    process.stdout.write(`${await runCommand(node, command)}\n`)
  } finally {
    await node.stop()
    await world.db.close()
  }
}

async function migrate(settings: Settings): Promise<void> {
  if (settings.databaseUrl === undefined)
    throw new BadSetup('migrate needs --database-url; an embedded database is migrated when it is served')
  const db = await openPostgres(settings.databaseUrl)
  try {
    const ran = await prepare(db)
    process.stdout.write(ran.length === 0 ? 'the schema is up to date\n' : `${ran.join('\n')}\n`)
  } finally {
    await db.close()
  }
}

async function main(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args
  if (name === undefined || name === 'help' || args.includes('--help')) {
    process.stdout.write(`${usage}\n`)
    return
  }
  if (name === 'serve') {
    const running = await serveProject(readSettings(rest, process.env))
    await new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
    })
    await running.stop()
    return
  }
  if (name === 'migrate') return migrate(readSettings(rest, process.env))
  return run(readSettings(args, process.env))
}

/** What went wrong, in lines for a terminal, and the exit code that says whose move it is. */
function explain(error: unknown): { text: string; code: number } {
  if (error instanceof BadSetup) return { text: error.message, code: 2 }
  if (error instanceof Refusal && error.reason === 'ValidationFailed' && Array.isArray(error.info?.causes))
    return { text: faultLines(error.info.causes as Fault[], 'authgear.yaml').join('\n'), code: 2 }
  return { text: error instanceof Error ? error.message : String(error), code: 1 }
}

try {
  await main(process.argv.slice(2))
  process.exit(0)
} catch (error) {
  const { text, code } = explain(error)
  process.stderr.write(`${text}\n`)
  process.exit(code)
}
