// What every mutation shares: one `input` object, a payload, the request's transaction, and a line in the audit trail.
import type { InputFieldBuilder, InputFieldMap, InputShapeFromFields } from '@pothos/core'
import type { AdminMutation } from '../events/kinds.ts'
import { append } from '../events/log.ts'
import type { Scope, Tx } from '../storage/database.ts'
import { userNotFound } from '../users/disable.ts'
import type { Instant } from '../world.ts'
import { type AdminContext, builder, type Types } from './builder.ts'
import { nodeId } from './ids.ts'
import { forgetAll } from './loaders.ts'
import { asUser, User, type UserNode } from './users.ts'

export type Change<Input> = { tx: Scope<Tx>; now: Instant; input: Input; context: AdminContext }

type Definition<Fields extends InputFieldMap> = {
  name: string
  audit: AdminMutation
  fields: (t: InputFieldBuilder<Types, 'InputObject'>) => Fields
  /** Makes the change inside the request's transaction. @returns the raw id of the user it was about. */
  run(change: Change<InputShapeFromFields<Fields>>): Promise<string>
}

/** Makes a change and notes it. @param run gives the raw id of the user that it was about. @returns that id. */
export async function makeChange(
  audit: AdminMutation,
  context: AdminContext,
  run: (change: Omit<Change<never>, 'input'>) => Promise<string>,
): Promise<string> {
  const { scope: tx, world, auditContext } = context
  const now = world.clock.now()
  const userId = await run({ tx, now, context })
  await append(tx, now, `admin_api.mutation.${audit}.executed`, {
    user_id: userId,
    ...(auditContext !== undefined ? { audit_context: auditContext } : {}),
  })
  forgetAll(context.loaders)
  return userId
}

/** The compiler cannot follow the shape of fields that it does not know yet. */
const inputOf = <Fields extends InputFieldMap>(args: unknown) => (args as { input: InputShapeFromFields<Fields> }).input

const typeName = (name: string, suffix: string) => `${name.charAt(0).toUpperCase()}${name.slice(1)}${suffix}`

/** A mutation whose payload is `user!`. Payloads are non-null, so that the first failure stops the ones after it. */
export function addUserChange<Fields extends InputFieldMap>({ name, audit, fields, run }: Definition<Fields>): void {
  const Input = builder.inputType(typeName(name, 'Input'), { fields })
  const Payload = builder.objectRef<{ user: UserNode }>(typeName(name, 'Payload')).implement({
    fields: (t) => ({ user: t.field({ type: User, nullable: false, resolve: (payload) => payload.user }) }),
  })
  builder.mutationField(name, (t) =>
    t.field({
      type: Payload,
      nullable: false,
      args: { input: t.arg({ type: Input, required: true }) },
      async resolve(_, args, context) {
        const userId = await makeChange(audit, context, (change) => run({ ...change, input: inputOf<Fields>(args) }))
        const user = await context.loaders.user.get(userId)
        if (user === undefined) throw userNotFound()
        return { user: asUser(user) }
      },
    }),
  )
}

/** As `addUserChange`, for a user who is gone afterwards: the payload is their id under `idField`. */
export function addUserRemoval<Fields extends InputFieldMap>({
  name,
  audit,
  fields,
  run,
  idField,
}: Definition<Fields> & { idField: string }): void {
  const Input = builder.inputType(typeName(name, 'Input'), { fields })
  const Payload = builder.objectRef<{ userId: string }>(typeName(name, 'Payload')).implement({
    fields: (t) => ({ [idField]: t.id({ nullable: false, resolve: (payload) => nodeId('User', payload.userId) }) }),
  })
  builder.mutationField(name, (t) =>
    t.field({
      type: Payload,
      nullable: false,
      args: { input: t.arg({ type: Input, required: true }) },
      resolve: async (_, args, context) => ({
        userId: await makeChange(audit, context, (change) => run({ ...change, input: inputOf<Fields>(args) })),
      }),
    }),
  )
}
