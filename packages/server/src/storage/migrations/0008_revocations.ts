import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What the revocation feed reads: the events that end something, and ended grants whose JWTs outlive the log. */
export const revocations: Migration = {
  async up(db) {
    await sql`create index event_revocation on event (project_id, id) where kind in
      ('user.signed_out', 'user.session.terminated', 'session.reuse_detected', 'access_token.revoked', 'project.updated')`.execute(
      db,
    )
    await sql`create index offline_grant_lingering on offline_grant (project_id, last_issued_exp)
      where ended_at is not null`.execute(db)
  },
}
