// Mutations of accounts (management §2.4).
import { Refusal } from '../refusal.ts'
import { deleteUser } from '../users/delete.ts'
import { setAccountValidPeriod, setDisabledStatus } from '../users/disable.ts'
import { createUser, replaceAttributes, resetPassword } from './accounts.ts'
import { builder } from './builder.ts'
import { addUserChange, addUserRemoval } from './changes.ts'
import { rawId } from './ids.ts'

export function addUserChanges(): void {
  const LoginId = builder.inputType('IdentityDefinitionLoginID', {
    fields: (t) => ({ key: t.string({ required: true }), value: t.string({ required: true }) }),
  })
  const IdentityDefinition = builder.inputType('IdentityDefinition', {
    fields: (t) => ({ loginID: t.field({ type: LoginId }) }),
  })

  addUserChange({
    name: 'createUser',
    audit: 'create_user',
    fields: (t) => ({
      definition: t.field({ type: IdentityDefinition, required: true }),
      password: t.string(),
      accountValidFrom: t.field({ type: 'DateTime' }),
      accountValidUntil: t.field({ type: 'DateTime' }),
    }),
    async run({ tx, now, input, context: { world, project } }) {
      const { loginID } = input.definition
      if (loginID == null)
        throw new Refusal({ name: 'Invalid', reason: 'Invalid', message: 'the definition has no loginID' })
      const userId = await createUser(tx, world, project, { loginId: loginID, password: input.password ?? undefined })
      const period = { from: input.accountValidFrom ?? null, until: input.accountValidUntil ?? null }
      await setAccountValidPeriod(tx, userId, period, now)
      return userId
    },
  })

  addUserChange({
    name: 'updateUser',
    audit: 'update_user',
    fields: (t) => ({
      userID: t.id({ required: true }),
      standardAttributes: t.field({ type: 'UserStandardAttributes' }),
      customAttributes: t.field({ type: 'UserCustomAttributes' }),
    }),
    async run({ tx, now, input, context: { project } }) {
      const userId = rawId('User', input.userID)
      const given = { standard: input.standardAttributes ?? undefined, custom: input.customAttributes ?? undefined }
      await replaceAttributes(tx, project, userId, given, now)
      return userId
    },
  })

  addUserChange({
    name: 'resetPassword',
    audit: 'reset_password',
    fields: (t) => ({ userID: t.id({ required: true }), password: t.string() }),
    async run({ tx, input, context: { world, project } }) {
      const userId = rawId('User', input.userID)
      if (!input.password)
        throw new Refusal({
          name: 'Invalid',
          reason: 'Invalid',
          message: 'give the new password; none is made up and sent',
        })
      await resetPassword(tx, world, project, userId, input.password)
      return userId
    },
  })

  addUserChange({
    name: 'setDisabledStatus',
    audit: 'set_disabled_status',
    fields: (t) => ({
      userID: t.id({ required: true }),
      isDisabled: t.boolean({ required: true }),
      reason: t.string(),
      temporarilyDisabledFrom: t.field({ type: 'DateTime' }),
      temporarilyDisabledUntil: t.field({ type: 'DateTime' }),
    }),
    async run({ tx, now, input }) {
      const userId = rawId('User', input.userID)
      const { isDisabled, reason, temporarilyDisabledFrom: from, temporarilyDisabledUntil: until } = input
      if ((from == null) !== (until == null) || (from != null && !isDisabled))
        throw new Refusal({
          name: 'Invalid',
          reason: 'InvalidAccountStatusTransition',
          message: 'both dates disable the user for a time; give both with isDisabled, or neither',
          info: { cause: { kind: 'TemporarilyDisabledFromAndTemporarilyDisabledUntilShouldBeSetTogether' } },
        })
      const period = from != null && until != null ? { from, until } : undefined
      await setDisabledStatus(
        tx,
        userId,
        isDisabled ? { disabled: true, reason: reason || null, period } : { disabled: false },
        now,
      )
      return userId
    },
  })

  addUserChange({
    name: 'setAccountValidFrom',
    audit: 'set_account_valid_from',
    fields: (t) => ({ userID: t.id({ required: true }), accountValidFrom: t.field({ type: 'DateTime' }) }),
    async run({ tx, now, input }) {
      const userId = rawId('User', input.userID)
      await setAccountValidPeriod(tx, userId, { from: input.accountValidFrom ?? null }, now)
      return userId
    },
  })

  addUserChange({
    name: 'setAccountValidUntil',
    audit: 'set_account_valid_until',
    fields: (t) => ({ userID: t.id({ required: true }), accountValidUntil: t.field({ type: 'DateTime' }) }),
    async run({ tx, now, input }) {
      const userId = rawId('User', input.userID)
      await setAccountValidPeriod(tx, userId, { until: input.accountValidUntil ?? null }, now)
      return userId
    },
  })

  addUserChange({
    name: 'setAccountValidPeriod',
    audit: 'set_account_valid_period',
    fields: (t) => ({
      userID: t.id({ required: true }),
      accountValidFrom: t.field({ type: 'DateTime' }),
      accountValidUntil: t.field({ type: 'DateTime' }),
    }),
    async run({ tx, now, input }) {
      const userId = rawId('User', input.userID)
      await setAccountValidPeriod(
        tx,
        userId,
        { from: input.accountValidFrom ?? null, until: input.accountValidUntil ?? null },
        now,
      )
      return userId
    },
  })

  addUserRemoval({
    name: 'deleteUser',
    audit: 'delete_user',
    idField: 'deletedUserID',
    fields: (t) => ({ userID: t.id({ required: true }), reason: t.string() }),
    async run({ tx, now, input }) {
      const userId = rawId('User', input.userID)
      await deleteUser(tx, userId, now, input.reason || undefined)
      return userId
    },
  })
}
