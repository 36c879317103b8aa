// Whether an account is locked after wrong credentials, and from where (management §2.5).
import type { Lock } from '../limits/lockout.ts'
import { builder } from './builder.ts'

export type LockoutNode = { type: 'PER_USER' | 'PER_USER_PER_IP'; locks: readonly Lock[] }

const AccountLockoutType = builder.enumType('AccountLockoutType', {
  values: ['PER_USER', 'PER_USER_PER_IP'] as const,
})

export const AccountLockout = builder.objectRef<LockoutNode>('AccountLockout')

export function addLockouts(): void {
  const LockedIp = builder.objectRef<Lock>('AccountLockoutLockedIP').implement({
    fields: (t) => ({
      ipAddress: t.string({ nullable: false, resolve: (lock) => lock.address }),
      lockedUntil: t.field({ type: 'DateTime', nullable: false, resolve: (lock) => lock.until }),
    }),
  })
  AccountLockout.implement({
    fields: (t) => ({
      lockoutType: t.field({ type: AccountLockoutType, nullable: false, resolve: ({ type }) => type }),
      isLocked: t.boolean({ nullable: false, resolve: ({ locks }) => locks.length > 0 }),
      lockedUntil: t.field({
        type: 'DateTime',
        resolve: ({ locks }) => locks.find(({ address }) => address === '')?.until ?? null,
      }),
      lockedIPs: t.field({
        type: [LockedIp],
        nullable: { list: false, items: false },
        resolve: ({ locks }) => locks.filter(({ address }) => address !== ''),
      }),
    }),
  })
}
