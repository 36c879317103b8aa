// Making a project and changing its configuration: checked whole, written whole, announced in the same transaction.
import { generateKeyPair, randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { parseDocument } from 'yaml'
import type { Fault } from '../config/faults.ts'
import { crossCheck, parseConfig } from '../config/parse.ts'
import type { Config } from '../config/schema.ts'
import { parseSecrets } from '../config/secrets.ts'
import { append } from '../events/log.ts'
import { newSigningKey } from '../keys/rotate.ts'
import type { Sealer } from '../keys/seal.ts'
import { insertMacKey, insertSigningKey } from '../keys/store.ts'
import { hasSecret } from '../oauth/config.ts'
import { Refusal } from '../refusal.ts'
import { inTransaction } from '../storage/database.ts'
import type { Instant, World } from '../world.ts'
import { originsOf } from './origins.ts'
import { findProject, takenHosts, writeProject } from './store.ts'

const generate = promisify(generateKeyPair)

/** The refusal of a configuration: every fault, by path, and by line where it came from text. */
export function configRefusal(faults: readonly Fault[]): Refusal {
  return new Refusal({
    name: 'Invalid',
    reason: 'ValidationFailed',
    message: `invalid configuration: ${faults.map(({ location, message }) => `${location} ${message}`).join('; ')}`,
    info: { causes: faults },
  })
}

/** Adds to the document of `authgear.secrets.yaml` what it lacks and we can make. */
async function completed(
  text: string,
  lacks: { adminKey: boolean; clients: readonly string[] },
  random: World['random'],
): Promise<string> {
  if (!lacks.adminKey && lacks.clients.length === 0) return text
  const document = parseDocument(text)
  const held = (document.toJS() as { secrets?: { key: string; data: { items?: object[] } }[] } | null)?.secrets ?? []
  const secrets = held.filter((secret) => lacks.clients.length === 0 || secret.key !== 'oauth.client_secrets')
  if (lacks.adminKey) {
    const { privateKey } = await generate('rsa', { modulusLength: 2048 })
    const jwk = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'RS256', use: 'sig' }
    secrets.push({ key: 'admin-api.auth', data: { keys: [jwk] } } as never)
  }
  if (lacks.clients.length > 0) {
    const items = held.find((secret) => secret.key === 'oauth.client_secrets')?.data.items ?? []
    const made = lacks.clients.map((client_id) => ({
      client_id,
      // The key's octets are the secret's characters, as the reference has it.
      keys: [{ kty: 'oct', kid: randomUUID(), k: Buffer.from(random(32).toString('base64url')).toString('base64url') }],
    }))
    secrets.push({ key: 'oauth.client_secrets', data: { items: [...items, ...made] } })
  }
  document.set('secrets', document.createNode(secrets))
  return document.toString()
}

/** Clients that go, and until when a JWT of theirs may be about: verifiers must hear of it. */
function removedClients(before: string, now: Config, at: Instant): { client_id: string; exp: number }[] {
  const old = parseConfig(before)
  const kept = new Set(now.oauth.clients.map((client) => client.client_id))
  return (old.ok ? old.config.oauth.clients : [])
    .filter((client) => !kept.has(client.client_id))
    .map((client) => ({
      client_id: client.client_id,
      exp: Math.floor(at.getTime() / 1000) + client.access_token_lifetime_seconds,
    }))
}

/**
 * Creates the project, or replaces its configuration. Texts are `authgear.yaml` and `authgear.secrets.yaml`; without
 * secrets the stored ones stay, and a project without an Admin API key gets one.
 * @returns the version now in force, and whether anything changed.
 * @throws Refusal `ValidationFailed` with every fault, or `AlreadyExists` when a host is another project's; nothing is
 *   changed then.
 */
export async function saveProject(
  world: Pick<World, 'db' | 'clock' | 'random'>,
  sealer: Sealer,
  given: {
    id: string
    config: string
    secrets?: string | undefined
    /** Make a secret for each client that needs one and has none, instead of naming the fault. */
    makeClientSecrets?: boolean
  },
): Promise<{ version: number; changed: boolean }> {
  const stored = await findProject(world.db.query, given.id)
  const kept = stored && sealer.open(stored.secrets, `project ${given.id}`).toString()
  const secretsText = given.secrets ?? kept ?? 'secrets: []\n'
  if (stored !== undefined && stored.config === given.config && kept === secretsText)
    return { version: stored.version, changed: false }

  const config = parseConfig(given.config)
  const secrets = parseSecrets(secretsText)
  const held = secrets.ok ? (secrets.secrets['oauth.client_secrets']?.items ?? []) : []
  const bare = config.ok && given.makeClientSecrets ? config.config.oauth.clients : []
  const clients = bare
    .filter(
      (client) => hasSecret(client.x_application_type) && !held.some((item) => item.client_id === client.client_id),
    )
    .map((client) => client.client_id)
  const faults = [...(config.ok ? [] : config.faults), ...(secrets.ok ? [] : secrets.faults)]
  if (config.ok && config.config.id !== given.id)
    faults.push({ location: '/id', kind: 'const', message: `is ${config.config.id}, but this is project ${given.id}` })
  if (config.ok && secrets.ok)
    faults.push(
      ...crossCheck(config.config, secrets.secrets).filter(
        (fault) => clients.length === 0 || !JSON.stringify(fault.details ?? {}).includes('oauth.client_secrets'),
      ),
    )
  if (!config.ok || !secrets.ok || faults.length > 0) throw configRefusal(faults)

  const adminKey = secrets.secrets['admin-api.auth'] === undefined
  const complete = await completed(secretsText, { adminKey, clients }, world.random)
  const origins = originsOf(config.config.http)
  const at = world.clock.now()
  const keys =
    stored === undefined ? await Promise.all([newSigningKey('RS256', at, at), newSigningKey('ES256', at, at)]) : []

  return inTransaction({ projectId: given.id, query: world.db.query }, async (tx) => {
    const taken = await takenHosts(tx.query, given.id, origins)
    if (taken.length > 0)
      throw new Refusal({
        name: 'AlreadyExists',
        reason: 'HostTaken',
        message: `another project is served at ${taken.join(', ')}`,
        info: { hosts: taken },
      })
    const version = await writeProject(tx.query, {
      id: given.id,
      config: given.config,
      secrets: sealer.seal(complete, `project ${given.id}`),
      origins,
      at,
    })
    for (const key of keys) await insertSigningKey(tx, sealer, key)
    if (stored === undefined) await insertMacKey(tx, sealer, { id: 1, secret: world.random(32), at })
    if (stored === undefined) await append(tx, at, 'project.created', { version })
    else {
      const removed_clients = removedClients(stored.config, config.config, at)
      await append(tx, at, 'project.updated', { version, ...(removed_clients.length > 0 ? { removed_clients } : {}) })
    }
    return { version, changed: true }
  })
}
