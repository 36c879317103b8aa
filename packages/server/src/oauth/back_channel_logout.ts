// OpenID Connect Back-Channel Logout 1.0: an application that has a `backchannel_logout_uri` is told of every session of
// its own that ends, whoever ended it, until it has answered.
import type { Body, Deliver } from '../delivery/queue.ts'
import { type EndedSessions, type EventKind, endings } from '../events/kinds.ts'
import type { SeenEvent } from '../events/poll.ts'
import { readOn } from '../events/reader.ts'
import { signingKey, signJwt } from '../keys/sign.ts'
import type { Node } from '../node.ts'
import type { Project } from '../projects/find.ts'
import { sid } from '../sessions/credential.ts'
import {
  findLogout,
  insertLogouts,
  type Logout,
  type LogoutKey,
  type NewLogout,
  noteLogout,
  pendingLogouts,
} from './logouts.ts'

/** Seconds that a logout token is good for (§4: at most two minutes). */
const tokenLifetime = 120
const attemptSeconds = 5

type Parts = Pick<Node, 'world' | 'directory'>

function uriOf(project: Project | undefined, clientId: string): string | undefined {
  return project?.clients.get(clientId)?.backchannel_logout_uri
}

/** Takes what has ended out of the log, writes down who is to be told, and begins to tell. */
export async function tellApplications(node: Node): Promise<void> {
  const { db, clock } = node.world
  const decide = async (events: readonly SeenEvent[]) => {
    const told: NewLogout[] = []
    for (const { projectId, id, payload } of events) {
      const project = await node.directory.byId(projectId)
      const { user_id, grants } = payload as unknown as EndedSessions
      for (const grant of grants)
        if (uriOf(project, grant.client_id) !== undefined)
          told.push({
            projectId,
            eventId: id,
            grantId: Buffer.from(grant.id, 'base64url'),
            clientId: grant.client_id,
            userId: user_id,
            origin: grant.origin ?? project?.origins[0].origin ?? '',
          })
    }
    return told
  }
  const made = await readOn(db.query, 'back_channel_logout', [...endings], decide, (tx, told) =>
    insertLogouts(tx, told, clock.now()),
  )
  for (const logout of made) await hand(node, logout)
}

/** Begins what is to be told once more, and what a node had written down and did not live to begin. */
export async function tellLeftBehind(node: Node): Promise<void> {
  for (const logout of await pendingLogouts(node.world.db.query, node.world.clock.now())) await hand(node, logout)
}

async function hand(node: Node, { projectId, eventId, grantId }: LogoutKey): Promise<void> {
  await node.queue.add('logout', { projectId, eventId, grantId: grantId.toString('base64url') })
}

/** One attempt. Redirects are not followed, and private addresses are not reached (http/outbound.ts). */
export async function deliverLogout(
  { world, directory }: Parts,
  body: Body,
  { last }: Parameters<Deliver>[1],
): ReturnType<Deliver> {
  const key: LogoutKey = {
    projectId: body.projectId,
    eventId: String(body.eventId),
    grantId: Buffer.from(String(body.grantId), 'base64url'),
  }
  const project = await directory.byId(key.projectId)
  const scope = { projectId: key.projectId, query: world.db.query }
  const logout = await findLogout(scope, key)
  const uri = logout && uriOf(project, logout.clientId)
  if (project === undefined || logout === undefined || logout.state !== 'pending') return 'never'
  const note = (state: Logout['state'], answer: string) => noteLogout(scope, key, { state, answer }, world.clock.now())
  if (uri === undefined) {
    await note('failed', 'the application has no back-channel logout URI any more')
    return 'never'
  }
  const answer = await world
    .fetch(uri, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: '*/*' },
      body: new URLSearchParams({ logout_token: await logoutToken(world, project, logout) }).toString(),
      timeoutSeconds: attemptSeconds,
      maxBytes: 65_536,
    })
    .then(({ status }) => ({ status, text: `HTTP ${status}` }))
    .catch((error: Error) => ({ status: 0, text: error.message.slice(0, 500) }))
  if (answer.status >= 200 && answer.status < 300) {
    await note('delivered', answer.text)
    return 'done'
  }
  // §2.8: 400 says that the token is refused or the logout failed; the same again would be no better.
  const final = answer.status === 400 || last
  await note(final ? 'failed' : 'pending', answer.text)
  return final ? 'never' : 'again'
}

/** §2.4. The session is named as the ID token named it. */
function logoutToken(world: Parts['world'], project: Project, logout: Logout): Promise<string> {
  const now = world.clock.now()
  const iat = Math.floor(now.getTime() / 1000)
  const algorithm = project.clients.get(logout.clientId)?.id_token_signed_response_alg ?? 'RS256'
  return signJwt(
    signingKey(project.signingKeys, algorithm, now),
    { typ: 'logout+jwt' },
    {
      iss: logout.origin,
      aud: [logout.clientId],
      iat,
      exp: iat + tokenLifetime,
      jti: world.random(16).toString('base64url'),
      sub: logout.userId,
      sid: sid('offline_grant', logout.grantId),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    },
  )
}

const resent: EventKind = 'admin_api.mutation.resend_backchannel_logout.executed'

/** Listens to the log of this node, and tells applications soon after. */
export function startTelling(node: Node): { stop(): Promise<void> } {
  let running: Promise<void> | undefined
  let again = false
  let leftBehind = false
  let stopped = false

  async function concerned(projectId: string): Promise<boolean> {
    const project = await node.directory.byId(projectId)
    return [...(project?.clients.values() ?? [])].some((client) => client.backchannel_logout_uri !== undefined)
  }

  function wake(): void {
    again = true
    running ??= (async () => {
      while (again && !stopped) {
        again = false
        await tellApplications(node)
        if (!leftBehind) continue
        leftBehind = false
        await tellLeftBehind(node)
      }
    })()
      .catch((error: Error) => node.world.log.warn({ err: error }, 'back-channel logout; the next sweep goes on'))
      .finally(() => {
        running = undefined
      })
  }

  node.log.listen({
    heard(events) {
      // An administrator wants some told once more: the change is committed by now.
      if (events.some(({ kind }) => kind === resent)) {
        leftBehind = true
        wake()
      }
      const projects = new Set(events.filter(({ kind }) => endings.has(kind)).map(({ projectId }) => projectId))
      for (const id of projects)
        concerned(id).then(
          (yes) => yes && wake(),
          () => {},
        )
    },
    reset: wake,
  })
  // The first time ever, this marks where reading begins.
  wake()
  return {
    async stop() {
      stopped = true
      await running
    },
  }
}
