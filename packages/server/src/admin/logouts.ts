// Deliveries of back-channel logout: which application was told of which ended session, and how that went.
import {
  anyLogoutBeside,
  countLogouts,
  type LogoutListing,
  type LogoutPosition,
  type LogoutRow,
  listLogouts,
  tellOnceMore,
} from '../oauth/logouts.ts'
import { Refusal } from '../refusal.ts'
import { sid } from '../sessions/credential.ts'
import { builder, connectionOf, Entity, NodeInterface, type NodeRow, pageArgs } from './builder.ts'
import { makeChange } from './changes.ts'
import { logoutId, logoutPosition, nodeId, rawId, readNodeId } from './ids.ts'
import { invalidCursor, pageByPosition } from './paging.ts'
import { asUser, User } from './users.ts'

const type = 'BackchannelLogoutDelivery'

export type LogoutNode = NodeRow & LogoutRow

export const asLogout = (row: LogoutRow): LogoutNode => ({ node: type, raw: logoutId(row), ...row })

const Delivery = builder.objectRef<LogoutNode>(type)

/** A position in the list is the delivery that stands there. */
function readCursor(text: string): LogoutPosition {
  const read = readNodeId(text)
  if (read?.type !== type) throw invalidCursor()
  return logoutPosition(read.raw)
}

export function addLogouts(): void {
  const DeliveryConnection = connectionOf(type, Delivery)
  const State = builder.enumType('BackchannelLogoutDeliveryState', {
    values: {
      PENDING: { value: 'pending', description: 'Not told yet; tried again for hours.' },
      DELIVERED: { value: 'delivered', description: 'The application answered with success.' },
      FAILED: { value: 'failed', description: 'The application refused, or could not be told in time.' },
    } as const,
  })

  Delivery.implement({
    description: 'One application that is told of one ended session (OpenID Connect Back-Channel Logout).',
    interfaces: [NodeInterface, Entity],
    fields: (t) => ({
      clientID: t.string({ nullable: false, resolve: (row) => row.client_id }),
      userID: t.id({ nullable: false, resolve: (row) => nodeId('User', row.user_id) }),
      user: t.field({
        type: User,
        description: 'Null when the user is deleted.',
        async resolve(row, _, { loaders }) {
          const user = await loaders.user.get(row.user_id)
          return user && asUser(user)
        },
      }),
      sid: t.string({
        nullable: false,
        description: 'The session as ID tokens and logout tokens name it.',
        resolve: (row) => sid('offline_grant', row.grant_id),
      }),
      issuer: t.string({ nullable: false, resolve: (row) => row.origin }),
      state: t.field({ type: State, nullable: false, resolve: (row) => row.state }),
      attempts: t.int({ nullable: false, resolve: (row) => row.attempts }),
      lastAnswer: t.string({
        description: 'What came of the last attempt: the status, or why there was none.',
        resolve: (row) => row.last_answer,
      }),
    }),
  })

  builder.queryField('backchannelLogoutDeliveries', (t) =>
    t.field({
      type: DeliveryConnection,
      description: 'Who was told of ended sessions, newest first. They are kept for thirty days.',
      args: { ...pageArgs, userID: t.arg.id(), clientID: t.arg.string(), state: t.arg({ type: State }) },
      async resolve(_, { userID, clientID, state, ...args }, { scope }) {
        const listing: LogoutListing = {
          userId: userID == null ? undefined : rawId('User', userID),
          clientId: clientID ?? undefined,
          state: state ?? undefined,
          after: args.after == null ? undefined : readCursor(args.after),
          before: args.before == null ? undefined : readCursor(args.before),
        }
        return pageByPosition(args, {
          after: listing.after,
          before: listing.before,
          read: (from, limit) => listLogouts(scope, listing, { from, limit }),
          edge: (row) => ({ cursor: nodeId(type, logoutId(row)), node: asLogout(row) }),
          anyBeside: (position, side) => anyLogoutBeside(scope, listing, position, side),
          count: () => countLogouts(scope, listing),
        })
      },
    }),
  )

  const Input = builder.inputType('ResendBackchannelLogoutInput', {
    fields: (t) => ({ deliveryID: t.id({ required: true }) }),
  })
  const Payload = builder.objectRef<{ delivery: LogoutNode }>('ResendBackchannelLogoutPayload').implement({
    fields: (t) => ({ delivery: t.field({ type: Delivery, nullable: false, resolve: (payload) => payload.delivery }) }),
  })
  builder.mutationField('resendBackchannelLogout', (t) =>
    t.field({
      type: Payload,
      nullable: false,
      description: 'Tells an application once more of a session that it was told of in vain.',
      args: { input: t.arg({ type: Input, required: true }) },
      async resolve(_, { input }, context) {
        const raw = rawId(type, input.deliveryID)
        await makeChange('resend_backchannel_logout', context, async ({ tx, now }) => {
          const { event_id: eventId, grant_id: grantId } = logoutPosition(raw)
          const logout = await tellOnceMore(tx, { projectId: tx.projectId, eventId, grantId }, now)
          if (logout === undefined) throw notFound()
          if (logout.state !== 'failed')
            throw new Refusal({
              name: 'Invalid',
              reason: 'BackchannelLogoutNotFailed',
              message: `this logout is ${logout.state}`,
            })
          return logout.userId
        })
        const row = await context.loaders.logout.get(raw)
        if (row === undefined) throw notFound()
        return { delivery: asLogout(row) }
      },
    }),
  )
}

function notFound(): Refusal {
  return new Refusal({
    name: 'NotFound',
    reason: 'BackchannelLogoutDeliveryNotFound',
    message: 'back-channel logout delivery not found',
  })
}
