// Sessions: browser sessions and the grants of apps, those that are alive (management §2.5).
import type { Project } from '../projects/find.ts'
import { applicationName, sessionName } from '../sessions/device.ts'
import { browserLifetimes, grantLifetimes, isAlive } from '../sessions/session.ts'
import type { Instant } from '../world.ts'
import { builder, Entity, NodeInterface, type NodeRow } from './builder.ts'
import type { SessionRow } from './store.ts'

export type SessionNode = NodeRow & SessionRow & { updated_at: Date }

export const asSession = (row: SessionRow): SessionNode => ({
  node: 'Session',
  raw: row.id.toString('base64url'),
  updated_at: row.last_access_at,
  ...row,
})

/** Whether the session would be accepted, its user's status apart. */
export function isLive(row: SessionRow, project: Project, now: Instant): boolean {
  const browser = browserLifetimes(project.config.session)
  if (row.type === 'IDP') return isAlive(row, browser, now)
  const client = row.client_id === null ? undefined : project.clients.get(row.client_id)
  if (client === undefined || !isAlive(row, grantLifetimes(client, row.has_refresh_token), now)) return false
  if (!row.sso) return true
  const { parent_created_at: created_at, parent_last_access_at: last_access_at, parent_ended_at: ended_at } = row
  return (
    created_at !== null && last_access_at !== null && isAlive({ created_at, last_access_at, ended_at }, browser, now)
  )
}

const SessionType = builder.enumType('SessionType', { values: ['IDP', 'OFFLINE_GRANT'] as const })

export const Session = builder.objectRef<SessionNode>('Session')

export function addSessions(): void {
  Session.implement({
    interfaces: [NodeInterface, Entity],
    fields: (t) => ({
      type: t.field({ type: SessionType, nullable: false, resolve: (row) => row.type }),
      clientID: t.string({ resolve: (row) => row.client_id }),
      applicationName: t.string({ resolve: (row) => applicationName(row.device_info) }),
      displayName: t.string({
        nullable: false,
        resolve: (row) => sessionName({ userAgent: row.user_agent, deviceInfo: row.device_info }),
      }),
      amr: t.stringList({ nullable: false, resolve: (row) => row.amr }),
      acr: t.string({ deprecationReason: 'Never set.', resolve: () => null }),
      userAgent: t.string({ resolve: (row) => row.user_agent }),
      createdByIP: t.string({ nullable: false, resolve: (row) => row.created_ip }),
      lastAccessedAt: t.field({ type: 'DateTime', nullable: false, resolve: (row) => row.last_access_at }),
      lastAccessedByIP: t.string({ nullable: false, resolve: (row) => row.last_access_ip }),
      // Without a database of addresses nobody knows; empty says so.
      lastAccessedByIPCountryCode: t.string({ nullable: false, resolve: () => '' }),
      lastAccessedByIPEnglishCountryName: t.string({ nullable: false, resolve: () => '' }),
    }),
  })
}
