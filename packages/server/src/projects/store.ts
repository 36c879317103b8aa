import type { Query } from '../storage/database.ts'
import { hostKey, type Origin } from './origins.ts'

export type StoredProject = { id: string; version: number; config: string; secrets: string }

export function findProject(query: Query, id: string): Promise<StoredProject | undefined> {
  return query
    .selectFrom('project')
    .select(['id', 'version', 'config', 'secrets'])
    .where('id', '=', id)
    .executeTakeFirst()
}

/** Which project a host belongs to; the only question asked before the project is known. */
export async function findHost(query: Query, host: string): Promise<{ projectId: string; origin: string } | undefined> {
  const row = await query.selectFrom('project_host').selectAll().where('host', '=', host).executeTakeFirst()
  return row && { projectId: row.project_id, origin: row.origin }
}

/** Hosts of these origins that belong to another project already. */
export async function takenHosts(query: Query, projectId: string, origins: readonly Origin[]): Promise<string[]> {
  const rows = await query
    .selectFrom('project_host')
    .select('host')
    .where(
      'host',
      'in',
      origins.map((origin) => hostKey(origin.host)),
    )
    .where('project_id', '<>', projectId)
    .execute()
  return rows.map((row) => row.host)
}

/** Writes the project's row and its hosts. Returns the version written. */
export async function writeProject(
  query: Query,
  project: { id: string; config: string; secrets: string; origins: readonly Origin[]; at: Date },
): Promise<number> {
  const row = { config: project.config, secrets: project.secrets, updated_at: project.at }
  const { version } = await query
    .insertInto('project')
    .values({ id: project.id, version: 1, ...row, created_at: project.at })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet((expression) => ({ ...row, version: expression('project.version', '+', 1) })),
    )
    .returning('version')
    .executeTakeFirstOrThrow()
  await query.deleteFrom('project_host').where('project_id', '=', project.id).where('development', '=', false).execute()
  await query
    .insertInto('project_host')
    .values(
      project.origins.map((origin) => ({ host: hostKey(origin.host), project_id: project.id, origin: origin.origin })),
    )
    .execute()
  return version
}

/** Ports of its own that a project got from the development surface. */
export async function developmentOrigins(query: Query, projectId: string): Promise<string[]> {
  const rows = await query
    .selectFrom('project_host')
    .select('origin')
    .where('project_id', '=', projectId)
    .where('development', '=', true)
    .orderBy('origin')
    .execute()
  return rows.map((row) => row.origin)
}

export async function projectIds(query: Query): Promise<string[]> {
  return (await query.selectFrom('project').select('id').orderBy('id').execute()).map((row) => row.id)
}
