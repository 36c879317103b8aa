// Projects made on the spot: each is served by `Host` at the origin its configuration names, and on a port of its own.
import { append } from '../events/log.ts'
import type { Node } from '../node.ts'
import { hostKey } from '../projects/origins.ts'
import { saveProject } from '../projects/save.ts'
import type { Running } from '../serve.ts'
import { inTransaction } from '../storage/database.ts'

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
  const held = await query
    .selectFrom('project_host')
    .select('origin')
    .where('project_id', '=', given.id)
    .where('development', '=', true)
    .executeTakeFirst()
  let local = held?.origin
  if (local === undefined) {
    const port = await running.listenAlso(0)
    local = `http://localhost:${port}`
    await query
      .insertInto('project_host')
      .values({ host: hostKey(new URL(local).host), project_id: given.id, origin: local, development: true })
      .execute()
    // The new host is announced like any other change of the project.
    await inTransaction({ projectId: given.id, query }, async (tx) => {
      const { version } = await tx.query
        .updateTable('project')
        .set((expression) => ({ version: expression('version', '+', 1) }))
        .where('id', '=', given.id)
        .returning('version')
        .executeTakeFirstOrThrow()
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
  const rows = await node.world.db.query
    .selectFrom('project_host')
    .select(['origin', 'project_id'])
    .where('development', '=', true)
    .execute()
  for (const row of rows)
    await running.listenAlso(Number(new URL(row.origin).port)).catch((error: Error) => {
      node.world.log.warn({ err: error, project: row.project_id }, 'the port of a development project is taken')
    })
}
