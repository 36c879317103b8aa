// Users: what the Admin API tells of one (management §2.5), and the ways to find them (§2.3).

import { normaliseLoginId } from '../identities/login_id.ts'
import { findByLoginId } from '../identities/store.ts'
import { Refusal } from '../refusal.ts'
import { customAttributesByName } from '../users/profile.ts'
import {
  anyoneBeside,
  countUsers,
  type FindableAttribute,
  findableAttributes,
  listUsers,
  type UserListing,
  type UserOrder,
  type UserPosition,
  type UserRow,
  usersByAttribute,
} from '../users/search.ts'
import { barred } from '../users/status.ts'
import { unknownLoginIdKey } from './accounts.ts'
import {
  Authenticator,
  AuthenticatorKind,
  type AuthenticatorNode,
  AuthenticatorType,
  asAuthenticator,
} from './authenticators.ts'
import { Authorization, asAuthorization } from './authorizations.ts'
import { type AdminContext, builder, connectionOf, Entity, NodeInterface, type NodeRow, pageArgs } from './builder.ts'
import { asIdentity, Identity, type IdentityNode, IdentityType } from './identities.ts'
import { AccountLockout } from './lockouts.ts'
import { invalidCursor, type Page, type PageArgs, pageByPosition, pageOfList } from './paging.ts'
import { asSession, isLive, Session } from './sessions.ts'
import type { VerifiedClaimRow } from './store.ts'

export type UserNode = NodeRow & UserRow

export const asUser = (row: UserRow): UserNode => ({ node: 'User', raw: row.id, ...row })

export const User = builder.objectRef<UserNode>('User')

type Names = Record<string, unknown>
const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

/** How a person is called: by their name, else by its parts, else by their nickname. */
export function formattedName(attributes: Names): string | null {
  const parts = [attributes.given_name, attributes.middle_name, attributes.family_name]
    .map(text)
    .filter((part) => part !== undefined)
  return text(attributes.name) ?? (parts.length > 0 ? parts.join(' ') : (text(attributes.nickname) ?? null))
}

/** By what a person knows their own account. */
export function endUserAccountId(attributes: Names): string | null {
  return text(attributes.email) ?? text(attributes.preferred_username) ?? text(attributes.phone_number) ?? null
}

/** Standard attributes as tokens tell them: with `updated_at`, and whether what can be verified is. */
function standardAttributes(user: UserRow, verified: readonly VerifiedClaimRow[]): Names {
  const attributes: Names = { ...user.standard_attributes, updated_at: Math.floor(user.updated_at.getTime() / 1000) }
  for (const name of ['email', 'phone_number'])
    if (attributes[name] !== undefined)
      attributes[`${name}_verified`] = verified.some((claim) => claim.name === name && claim.value === attributes[name])
  return attributes
}

const identitiesOf = async (user: UserRow, { loaders }: AdminContext): Promise<IdentityNode[]> =>
  ((await loaders.identitiesOf.get(user.id)) ?? []).map(asIdentity)
const authenticatorsOf = async (user: UserRow, { loaders }: AdminContext): Promise<AuthenticatorNode[]> =>
  ((await loaders.authenticatorsOf.get(user.id)) ?? []).map(asAuthenticator)

export function addUsers(): void {
  const IdentityConnection = connectionOf('Identity', Identity)
  const AuthenticatorConnection = connectionOf('Authenticator', Authenticator)
  const SessionConnection = connectionOf('Session', Session)
  const AuthorizationConnection = connectionOf('Authorization', Authorization)

  const Claim = builder.objectRef<VerifiedClaimRow>('Claim').implement({
    fields: (t) => ({
      name: t.string({ nullable: false, resolve: (claim) => claim.name }),
      value: t.string({ nullable: false, resolve: (claim) => claim.value }),
    }),
  })

  User.implement({
    interfaces: [NodeInterface, Entity],
    fields: (t) => {
      const date = (read: (user: UserRow) => Date | null) => t.field({ type: 'DateTime', resolve: read })
      const identitiesOfType = (type: string) =>
        t.field({
          type: [Identity],
          nullable: { list: false, items: false },
          resolve: async (user, _, context) =>
            (await identitiesOf(user, context)).filter((identity) => identity.type === type),
        })
      const authenticatorsOfKind = (kind: string, type: string) =>
        t.field({
          type: [Authenticator],
          nullable: { list: false, items: false },
          resolve: async (user, _, context) =>
            (await authenticatorsOf(user, context)).filter((one) => one.kind === kind && one.type === type),
        })
      const authenticatorOfKind = (kind: string, type: string) =>
        t.field({
          type: Authenticator,
          resolve: async (user, _, context) =>
            (await authenticatorsOf(user, context)).find((one) => one.kind === kind && one.type === type),
        })
      return {
        lastLoginAt: date((user) => user.last_login_at),
        standardAttributes: t.field({
          type: 'UserStandardAttributes',
          nullable: false,
          resolve: async (user, _, { loaders }) =>
            standardAttributes(user, (await loaders.verifiedClaimsOf.get(user.id)) ?? []),
        }),
        customAttributes: t.field({
          type: 'UserCustomAttributes',
          nullable: false,
          resolve: (user, _, { project }) =>
            customAttributesByName(project.config.user_profile, user.custom_attributes),
        }),
        formattedName: t.string({ resolve: (user) => formattedName(user.standard_attributes) }),
        endUserAccountID: t.string({ resolve: (user) => endUserAccountId(user.standard_attributes) }),
        isAnonymous: t.boolean({
          nullable: false,
          resolve: async (user, _, context) =>
            (await identitiesOf(user, context)).some((identity) => identity.type === 'anonymous'),
        }),
        isDisabled: t.boolean({
          nullable: false,
          resolve: (user, _, { world }) => barred(user, world.clock.now()) !== undefined,
        }),
        disableReason: t.string({ resolve: (user) => user.disable_reason }),
        temporarilyDisabledFrom: date((user) => user.temporarily_disabled_from),
        temporarilyDisabledUntil: date((user) => user.temporarily_disabled_until),
        accountValidFrom: date((user) => user.account_valid_from),
        accountValidUntil: date((user) => user.account_valid_until),
        isDeactivated: t.boolean({ nullable: false, resolve: (user) => user.is_deactivated }),
        deleteAt: date((user) => user.delete_at),
        deleteReason: t.string({ resolve: (user) => user.delete_reason }),
        isAnonymized: t.boolean({ nullable: false, resolve: (user) => user.anonymized_at !== null }),
        anonymizeAt: date((user) => user.anonymize_at),
        mfaGracePeriodEndAt: date((user) => user.mfa_grace_period_end_at),
        accountLockout: t.field({
          type: AccountLockout,
          nullable: false,
          resolve: async (user, _, { loaders, project, world }) => {
            const now = world.clock.now()
            const locks = ((await loaders.locksOf.get(user.id)) ?? []).filter(({ until }) => until > now)
            const { lockout_type } = project.config.authentication.lockout
            return { type: lockout_type === 'per_user' ? ('PER_USER' as const) : ('PER_USER_PER_IP' as const), locks }
          },
        }),
        loginIDs: identitiesOfType('login_id'),
        oauthConnections: identitiesOfType('oauth'),
        biometricRegistrations: identitiesOfType('biometric'),
        passkeys: identitiesOfType('passkey'),
        identities: t.field({
          type: IdentityConnection,
          args: { ...pageArgs, identityType: t.arg({ type: IdentityType }) },
          resolve: async (user, args, context) => {
            const wanted = args.identityType?.toLowerCase()
            const rows = await identitiesOf(user, context)
            return pageOfList(
              rows.filter((row) => wanted === undefined || row.type === wanted),
              args,
            )
          },
        }),
        primaryPassword: authenticatorOfKind('primary', 'password'),
        primaryOOBOTPEmailAuthenticator: authenticatorOfKind('primary', 'oob_otp_email'),
        primaryOOBOTPSMSAuthenticator: authenticatorOfKind('primary', 'oob_otp_sms'),
        secondaryPassword: authenticatorOfKind('secondary', 'password'),
        secondaryTOTPAuthenticators: authenticatorsOfKind('secondary', 'totp'),
        secondaryOOBOTPEmailAuthenticators: authenticatorsOfKind('secondary', 'oob_otp_email'),
        secondaryOOBOTPSMSAuthenticators: authenticatorsOfKind('secondary', 'oob_otp_sms'),
        authenticators: t.field({
          type: AuthenticatorConnection,
          args: {
            ...pageArgs,
            authenticatorType: t.arg({ type: AuthenticatorType }),
            authenticatorKind: t.arg({ type: AuthenticatorKind }),
          },
          resolve: async (user, args, context) => {
            const [type, kind] = [args.authenticatorType?.toLowerCase(), args.authenticatorKind?.toLowerCase()]
            const rows = await authenticatorsOf(user, context)
            return pageOfList(
              rows.filter(
                (row) => (type === undefined || row.type === type) && (kind === undefined || row.kind === kind),
              ),
              args,
            )
          },
        }),
        verifiedClaims: t.field({
          type: [Claim],
          nullable: { list: false, items: false },
          resolve: async (user, _, { loaders }) => (await loaders.verifiedClaimsOf.get(user.id)) ?? [],
        }),
        sessions: t.field({
          type: SessionConnection,
          args: pageArgs,
          resolve: async (user, args, { loaders, project, world }) => {
            const now = world.clock.now()
            const rows = (await loaders.sessionsOf.get(user.id)) ?? []
            return pageOfList(rows.filter((row) => isLive(row, project, now)).map(asSession), args)
          },
        }),
        authorizations: t.field({
          type: AuthorizationConnection,
          args: pageArgs,
          resolve: async (user, args, { loaders }) =>
            pageOfList(((await loaders.authorizationsOf.get(user.id)) ?? []).map(asAuthorization), args),
        }),
      }
    },
  })
}

// ---- finding ------------------------------------------------------------------------------------------------------

/** A position in the list of users, as a client keeps it. The order's key is in it: another order is another list. */
function cursorOf(order: UserOrder, { at, id }: UserPosition): string {
  return Buffer.from(`${order.by}:${at ?? ''}:${id}`).toString('base64url')
}

function readCursor(order: UserOrder, text: string): UserPosition {
  const match = /^([a-z_]+):(-?\d{1,16})?:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(
    Buffer.from(text, 'base64url').toString(),
  )
  if (match?.[3] === undefined || match[1] !== order.by) throw invalidCursor()
  return { at: match[2] === undefined ? null : Number(match[2]), id: match[3] }
}

async function pageOfUsers(
  context: AdminContext,
  order: UserOrder,
  keyword: string | undefined,
  args: PageArgs,
): Promise<Page<UserNode>> {
  const { scope } = context
  const listing: UserListing = {
    order,
    keyword,
    after: args.after == null ? undefined : readCursor(order, args.after),
    before: args.before == null ? undefined : readCursor(order, args.before),
  }
  return pageByPosition(args, {
    after: listing.after,
    before: listing.before,
    read: (from, limit) => listUsers(scope, listing, { from, limit }),
    edge: ({ position, ...row }) => ({ cursor: cursorOf(order, position), node: asUser(row) }),
    anyBeside: (position, side) => anyoneBeside(scope, listing, position, side),
    count: () => countUsers(scope, keyword),
  })
}

function isFindable(name: string): name is FindableAttribute {
  return (findableAttributes as readonly string[]).includes(name)
}

const loginIdTypeOf = { email: 'email', phone_number: 'phone', preferred_username: 'username' } as const

export function addUserQueries(): void {
  const UserConnection = connectionOf('User', User)
  const UserSortBy = builder.enumType('UserSortBy', {
    values: { CREATED_AT: { value: 'created_at' }, LAST_LOGIN_AT: { value: 'last_login_at' } } as const,
  })
  const SortDirection = builder.enumType('SortDirection', {
    values: { ASC: { value: 'asc' }, DESC: { value: 'desc' } } as const,
  })

  builder.queryFields((t) => ({
    users: t.field({
      type: UserConnection,
      description: 'All users, newest first unless told otherwise, or those whom a keyword fits.',
      args: {
        ...pageArgs,
        searchKeyword: t.arg.string(),
        sortBy: t.arg({ type: UserSortBy }),
        sortDirection: t.arg({ type: SortDirection }),
      },
      resolve: (_, { searchKeyword, sortBy, sortDirection, ...args }, context) =>
        pageOfUsers(
          context,
          { by: sortBy ?? 'created_at', direction: sortDirection ?? 'desc' },
          searchKeyword ?? undefined,
          args,
        ),
    }),
    getUserByLoginID: t.field({
      type: User,
      args: { loginIDKey: t.arg.string({ required: true }), loginIDValue: t.arg.string({ required: true }) },
      async resolve(_, { loginIDKey, loginIDValue }, { scope, project, loaders }) {
        const key = project.config.identity.login_id.keys.find((one) => one.key === loginIDKey)
        if (key === undefined) throw unknownLoginIdKey()
        const normalised = await normaliseLoginId(key.type, loginIDValue, project.config)
        const identity = normalised && (await findByLoginId(scope, key.type, normalised.uniqueKey))
        if (identity === undefined || identity.login_id_key !== loginIDKey) return null
        const user = await loaders.user.get(identity.user_id)
        return user && asUser(user)
      },
    }),
    getUsersByStandardAttribute: t.field({
      type: [User],
      nullable: { list: false, items: false },
      args: { attributeName: t.arg.string({ required: true }), attributeValue: t.arg.string({ required: true }) },
      async resolve(_, { attributeName, attributeValue }, { scope, project }) {
        if (!isFindable(attributeName))
          throw new Refusal({
            name: 'Invalid',
            reason: 'GetUsersInvalidArgument',
            message: `attributeName is one of ${findableAttributes.join(', ')}`,
          })
        const normalised = await normaliseLoginId(loginIdTypeOf[attributeName], attributeValue, project.config)
        return (
          await usersByAttribute(scope, attributeName, [attributeValue, ...(normalised ? [normalised.value] : [])])
        ).map(asUser)
      },
    }),
  }))
}
