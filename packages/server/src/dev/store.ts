import { hostKey } from '../projects/origins.ts'
import type { Query, Scope, Tx } from '../storage/database.ts'

/** The account made last, guests left out: its id, and a name to show for it. */
export async function newestAccount(scope: Scope): Promise<{ id: string; name: string } | undefined> {
  const row = await scope.query
    .selectFrom('end_user as u')
    .select(['u.id', 'u.standard_attributes'])
    .where('u.project_id', '=', scope.projectId)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('identity as i')
            .select('i.id')
            .whereRef('i.project_id', '=', 'u.project_id')
            .whereRef('i.user_id', '=', 'u.id')
            .where('i.type', '=', 'anonymous'),
        ),
      ),
    )
    .orderBy('u.created_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { email, preferred_username, phone_number } = row.standard_attributes as Record<string, unknown>
  return { id: row.id, name: String(email ?? preferred_username ?? phone_number ?? row.id) }
}

/** Serves the project at one more origin. @returns the project's new version. */
export async function addDevelopmentOrigin(tx: Scope<Tx>, origin: string): Promise<number> {
  await tx.query
    .insertInto('project_host')
    .values({ host: hostKey(new URL(origin).host), project_id: tx.projectId, origin, development: true })
    .execute()
  const { version } = await tx.query
    .updateTable('project')
    .set((expression) => ({ version: expression('version', '+', 1) }))
    .where('id', '=', tx.projectId)
    .returning('version')
    .executeTakeFirstOrThrow()
  return version
}

/** Origins that projects got beside their own, of all projects. */
export function developmentPorts(query: Query): Promise<{ origin: string; project_id: string }[]> {
  return query.selectFrom('project_host').select(['origin', 'project_id']).where('development', '=', true).execute()
}
