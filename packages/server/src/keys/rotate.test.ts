import fc from 'fast-check'
import { expect, test } from 'vitest'
import { after } from '../world.ts'
import { currentMacKey, dueForSuccessor, freeMacId, keptKeys, keyAge, type MacKeyTimes, nextMacStep } from './rotate.ts'

const day = 86_400
const start = new Date(Date.UTC(2031, 0, 1))
const at = (days: number) => after(start, days * day)

test('a signing key gets its successor two days before its ninety are over', () => {
  const rsa = { algorithm: 'RS256' as const, signsFrom: at(0) }
  const ec = { algorithm: 'ES256' as const, signsFrom: at(10) }
  expect(dueForSuccessor([rsa, ec], at(87.9))).toEqual([])
  expect(dueForSuccessor([rsa, ec], at(88))).toEqual(['RS256'])
  expect(dueForSuccessor([rsa, { ...rsa, signsFrom: at(90) }, ec], at(89))).toEqual([])
  expect(dueForSuccessor([rsa, { ...rsa, signsFrom: at(90) }, ec], at(98))).toEqual(['ES256'])
})

test('a signing key is kept until what it signed last has expired', () => {
  const keys = [0, 90, 180].map((days) => ({ algorithm: 'RS256' as const, signsFrom: at(days) }))
  const kept = (days: number) => keptKeys(keys, 30 * day, at(days)).map((key) => keys.indexOf(key))
  expect([0, 119.9, 120, 209.9, 210, 9999].map(kept)).toEqual([[0, 1, 2], [0, 1, 2], [1, 2], [1, 2], [2], [2]])
})

test('the ring over the years: every key is learnt for a day before it makes anything, one is current, numbers come round', () => {
  const life = 364 * day
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.001, max: 40, noNaN: true }), { maxLength: 400 }), (pauses) => {
      let keys: MacKeyTimes[] = [{ id: 1, createdAt: at(0), retiredAt: null }]
      let now = at(0)
      for (const pause of pauses) {
        now = after(now, pause * day)
        const step = nextMacStep(keys)
        if (step === undefined || now < step.due) continue
        const [current, id] = [currentMacKey(keys), freeMacId(keys)]
        keys = keys.filter((key) => key.retiredAt === null || now <= after(key.retiredAt, life))
        expect(id !== undefined && keys.every((key) => key.id !== id)).toBe(true)
        if (step.kind === 'make') keys.push({ id: id ?? 0, createdAt: now, retiredAt: null })
        else {
          keys = keys.map((key) => (key.id === current?.id ? { ...key, retiredAt: now } : key))
          const next = currentMacKey(keys)
          expect(next && now.getTime() - next.createdAt.getTime()).toBeGreaterThanOrEqual(keyAge.macAhead * 1000)
        }
        expect(keys.filter((key) => key.retiredAt === null).length).toBeLessThanOrEqual(2)
        expect(keys.length).toBeLessThan(10)
      }
    }),
    { numRuns: 200 },
  )
})

test('numbers of the ring are one byte, and a full ring has none left', () => {
  const ring = (ids: number[]) => ids.map((id) => ({ id, createdAt: at(0), retiredAt: null }))
  expect(freeMacId(ring([1]))).toBe(2)
  expect(freeMacId(ring([254, 255]))).toBe(1)
  expect(freeMacId(ring([255, 1, 2]))).toBe(3)
  expect(freeMacId(ring(Array.from({ length: 255 }, (_, index) => index + 1)))).toBeUndefined()
})
