// What the command line asks of a node, whether it runs here or in a server that holds the data directory.
import { resolveTxt } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { adminToken } from './admin/token.ts'
import { type CertificateState, listCertificates } from './certificates/store.ts'
import { withoutEffect } from './config/effect.ts'
import type { Fault } from './config/faults.ts'
import { parseConfig } from './config/parse.ts'
import { isGiven, nextMacStep, successorDue } from './keys/rotate.ts'
import { signingKey } from './keys/sign.ts'
import type { Node } from './node.ts'
import { addDomain, listDomains, proveDomain, useDomain } from './projects/domains.ts'
import type { Project } from './projects/find.ts'
import { saveProject } from './projects/save.ts'
import { findProject, projectIds } from './projects/store.ts'
import { Refusal } from './refusal.ts'
import { BadSetup } from './serve.ts'
import type { Instant } from './world.ts'

export type Command =
  | { name: 'project create'; id: string; config: string; secrets?: string | undefined }
  | { name: 'domain add' | 'domain prove'; id: string; domain: string }
  | { name: 'domain use'; id: string; domain: string; primary: boolean }
  | { name: 'domain list'; id: string }
  | { name: 'admin-token'; id: string }
  | { name: 'doctor' }

/** Runs a command; the text is what the terminal shows. @throws Refusal. */
export async function runCommand(node: Node, command: Command): Promise<string> {
  switch (command.name) {
    case 'project create': {
      const { version, changed } = await saveProject(node.world, node.sealer, command)
      await node.log.poll()
      const project = await node.directory.byId(command.id)
      return `project ${command.id} ${changed ? `saved as version ${version}` : 'is unchanged'}, served at ${project?.origins[0].origin}`
    }
    case 'admin-token': {
      const project = await node.directory.byId(command.id)
      const key = project?.secrets['admin-api.auth']?.keys[0]
      if (project === undefined || key === undefined)
        throw new Refusal({ name: 'NotFound', reason: 'ProjectNotFound', message: `there is no project ${command.id}` })
      return adminToken(project.id, key as Record<string, unknown>, node.world.clock.now())
    }
    case 'domain add': {
      const { name, provedAt, record } = await addDomain(node.world, scopeOfId(node, command.id), command.domain)
      if (provedAt !== null) return `${name} is proved already: headgear domain use ${command.id} ${name}`
      return `publish this TXT record, then run: headgear domain prove ${command.id} ${name}\n${record.name}  ${record.value}`
    }
    case 'domain prove': {
      const { name } = await proveDomain(node.world, scopeOfId(node, command.id), command.domain, resolveTxt)
      return `${name} is proved: headgear domain use ${command.id} ${name}`
    }
    case 'domain use': {
      const { domain, primary } = command
      const scope = scopeOfId(node, command.id)
      const { origin, version } = await useDomain(node.world, node.sealer, scope, { name: domain, primary })
      await node.log.poll()
      return `project ${command.id} is served at ${origin} as well, version ${version}`
    }
    case 'domain list': {
      const domains = await listDomains(scopeOfId(node, command.id))
      return domains.map(({ name, provedAt }) => `${name}  ${provedAt === null ? 'not proved' : 'proved'}`).join('\n')
    }
    case 'doctor':
      return doctor(node)
  }
}

function scopeOfId(node: Node, projectId: string) {
  return { projectId, query: node.world.db.query }
}

async function doctor(node: Node): Promise<string> {
  const lines = [`database: ${node.world.db.kind}, log ${node.log.fresh() ? 'fresh' : 'behind'}`]
  for (const id of await projectIds(node.world.db.query)) {
    const project = await node.directory.byId(id)
    if (project === undefined) continue
    lines.push(
      `project ${id} (version ${project.version}) at ${project.origins.map((origin) => origin.origin).join(', ')}`,
    )
    const ids = [...project.clients.keys()]
    lines.push(`  clients: ${ids.length === 0 ? 'none' : ids.join(', ')}`)
    lines.push(...keyLines(project, node.world.clock.now()).map((line) => `  ${line}`))
    const stored = await findProject(node.world.db.query, id)
    for (const { location, title } of withoutEffect(parse(stored?.config ?? '')))
      lines.push(`  no effect in this release: ${location} (${title})`)
  }
  for (const certificate of await listCertificates(node.world.db.query)) lines.push(certificateLine(certificate))
  if (lines.length === 1) lines.push('no project yet: headgear project create ID --config authgear.yaml')
  return lines.join('\n')
}

function certificateLine({ name, not_after, renew_at, last_error, retry_at }: CertificateState): string {
  const held =
    not_after === null
      ? `no certificate for ${name}`
      : `certificate of ${name} until ${not_after.toISOString()}, renewed from ${renew_at?.toISOString()}`
  return last_error === null
    ? held
    : `${held}; the last order failed: ${last_error}; again from ${retry_at?.toISOString()}`
}

/** Which key makes what now, and when the next one comes. */
function keyLines({ signingKeys, macKeys, ring }: Project, now: Instant): string[] {
  const day = (at: Instant) => at.toISOString().slice(0, 10)
  const signing = (['RS256', 'ES256'] as const).map((algorithm) => {
    const current = signingKey(signingKeys, algorithm, now)
    const next = signingKeys.find((key) => key.algorithm === algorithm && key.signsFrom > now)
    const then = isGiven(current)
      ? 'from the secrets file, changed there'
      : next !== undefined
        ? `${next.id} takes over on ${day(next.signsFrom)}`
        : `the next is made on ${day(successorDue(current))}`
    return `${algorithm} key ${current.id}: ${then}`
  })
  const step = nextMacStep(macKeys)
  const then = step && `the next ${step.kind === 'make' ? 'is made' : 'takes over'} on ${day(step.due)}`
  return [...signing, `MAC key ${ring.current} in a ring of ${ring.keys.size}: ${then}`]
}

/** One line a fault, as compilers print them: `file:line:column: /path message`. */
export function faultLines(faults: readonly Fault[], file: string): string[] {
  return faults.map((fault) => {
    const place =
      fault.line === undefined ? (fault.file ?? file) : `${fault.file ?? file}:${fault.line}:${fault.column ?? 1}`
    return `${place}: ${fault.location || '/'} ${fault.message}`
  })
}

/** Reads the two files and says which project they describe. @throws BadSetup with every fault. */
export async function readProjectFiles(
  configFile: string,
  secretsFile: string | undefined,
): Promise<{ id: string; config: string; secrets?: string }> {
  const read = (file: string) =>
    readFile(file, 'utf8').catch((error: Error) => {
      throw new BadSetup(`${file}: ${error.message}`)
    })
  const config = await read(configFile)
  const secrets = secretsFile === undefined ? undefined : await read(secretsFile)
  const parsed = parseConfig(config, { file: configFile })
  if (!parsed.ok) throw new BadSetup(faultLines(parsed.faults, configFile).join('\n'))
  return { id: parsed.config.id, config, ...(secrets !== undefined ? { secrets } : {}) }
}
