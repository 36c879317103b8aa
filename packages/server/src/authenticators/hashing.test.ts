import { describe, expect, test } from 'vitest'
import { hashPassword, verifyPassword } from './hashing.ts'

describe('hashing', () => {
  test('tells the password, and only it', async () => {
    const hash = await hashPassword('correct')
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(await hashPassword('correct')).not.toBe(hash)
    expect(await verifyPassword('correct', hash)).toBe(true)
    expect(await verifyPassword('Correct', hash)).toBe(false)
    await expect(verifyPassword('correct', 'not a hash')).rejects.toThrow()
    expect(await verifyPassword('correct', hash)).toBe(true)
  })

  test('takes as long when there is no password, and says no even to the stand-in', async () => {
    const hash = await hashPassword('correct')
    await verifyPassword('x', undefined)
    const time = async (held: string | undefined) => {
      const begun = performance.now()
      for (let i = 0; i < 10; i++) await verifyPassword('wrong', held)
      return performance.now() - begun
    }
    const [known, unknown] = [await time(hash), await time(undefined)]
    expect(Math.max(known, unknown) / Math.min(known, unknown)).toBeLessThan(3)
    expect(await verifyPassword('nobody has this password', undefined)).toBe(false)
  })

  test('refuses at once what would wait for more than two seconds, and serves the rest', async () => {
    const all = await Promise.allSettled(Array.from({ length: 3000 }, () => verifyPassword('x', undefined)))
    const refused = all.filter((one) => one.status === 'rejected')
    expect(refused.length).toBeGreaterThan(1000)
    expect(all.length - refused.length).toBeGreaterThan(10)
    for (const one of refused)
      expect((one as PromiseRejectedResult).reason).toMatchObject({ name: 'TooManyRequest', retryAfter: 2 })
    expect(await verifyPassword('correct', await hashPassword('correct'))).toBe(true)
  }, 30_000)
})
