// Projects made on the spot: each is served by `Host` at the origin its configuration names, and on a port of its own.
import { append } from '../events/log.ts'
import type { Node } from '../node.ts'
import { saveProject } from '../projects/save.ts'
import { developmentOrigins } from '../projects/store.ts'
import type { Running } from '../serve.ts'
import { inTransaction } from '../storage/database.ts'
import { addDevelopmentOrigin, developmentPorts } from './store.ts'

export type DevelopmentProject = {
  id: string
  /** `http.public_origin` of its configuration. */
  origin: string
  /** The same project at `http://localhost:<port of its own>`, for programs that cannot resolve the origin's host. */
  local_origin: string
  /** Private JWK that signs Admin API tokens. */
  admin_key: Record<string, unknown>
  /** By client id: the secret of each confidential client, made here unless `secrets` gave one. */
  client_secrets: Record<string, string>
}

/** Makes the project or replaces its configuration. @throws Refusal with every fault; nothing is changed then. */
export async function makeProject(
  node: Node,
  running: Pick<Running, 'listenAlso'>,
  given: { id: string; config: string; secrets?: string | undefined },
): Promise<DevelopmentProject> {
  await saveProject(node.world, node.sealer, { ...given, makeClientSecrets: true })
  await node.log.poll()
  const { query } = node.world.db
  let [local] = await developmentOrigins(query, given.id)
  if (local === undefined) {
    const port = await running.listenAlso(0)
    local = `http://localhost:${port}`
    const origin = local
    // The new host is announced like any other change of the project.
    await inTransaction({ projectId: given.id, query }, async (tx) => {
      const version = await addDevelopmentOrigin(tx, origin)
      await append(tx, node.world.clock.now(), 'project.updated', { version })
    })
    await node.log.poll()
  }
  const project = await node.directory.byId(given.id)
  if (project === undefined) throw new Error(`project ${given.id} vanished`)
  const secrets = project.secrets['oauth.client_secrets']?.items ?? []
  return {
    id: given.id,
    origin: project.origins[0].origin,
    local_origin: local,
    admin_key: { ...(project.secrets['admin-api.auth']?.keys[0] ?? {}) },
    client_secrets: Object.fromEntries(
      secrets.map((item) => [item.client_id, Buffer.from(item.keys[0]?.k ?? '', 'base64url').toString()]),
    ),
  }
}

/** Listens again on the ports that projects got before a restart. */
export async function reopenPorts(node: Node, running: Pick<Running, 'listenAlso'>): Promise<void> {
  for (const row of await developmentPorts(node.world.db.query))
    await running.listenAlso(Number(new URL(row.origin).port)).catch((error: Error) => {
      node.world.log.warn({ err: error, project: row.project_id }, 'the port of a development project is taken')
    })
}
