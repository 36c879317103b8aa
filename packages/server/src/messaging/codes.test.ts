import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fixedCode, newCode, tidyCode } from './codes.ts'

describe('codes', () => {
  test('are six digits, each as likely as the other', () => {
    const codes = Array.from({ length: 20_000 }, () => newCode('code', randomBytes))
    for (const code of codes) expect(code).toMatch(/^\d{6}$/)
    for (let place = 0; place < 6; place++)
      for (let digit = 0; digit < 10; digit++) {
        const share = codes.filter((code) => code[place] === String(digit)).length / codes.length
        expect(Math.abs(share - 0.1)).toBeLessThan(0.015)
      }
    // What would be unfair is drawn again.
    let calls = 0
    expect(newCode('code', () => Buffer.from(calls++ === 0 ? [255, 255, 255, 255] : [0, 0, 0, 42]))).toBe('000042')
  })

  test('of links are 32 characters without look-alikes', () => {
    for (let i = 0; i < 100; i++) expect(newCode('link', randomBytes)).toMatch(/^[0-9A-HJKMNP-TV-Z]{32}$/)
  })

  test('are read through what people type', () => {
    fc.assert(
      fc.property(fc.constantFrom('', ' ', '-', '\u00a0', '\n'), (space) => {
        expect(tidyCode(`${space}123${space}456${space}`, 'code')).toBe('123456')
      }),
    )
    expect(tidyCode('abc-def', 'link')).toBe('ABCDEF')
  })

  test('are fixed by the first rule that matches', () => {
    const rules = [
      { regex: /^a/u, fixed_code: undefined },
      { regex: /@example\.com$/u, fixed_code: '111111' },
    ]
    expect(fixedCode({ enabled: true, rules }, 'b@example.com')).toBe('111111')
    expect(fixedCode({ enabled: true, rules }, 'a@example.com')).toBeUndefined()
    expect(fixedCode({ enabled: false, rules }, 'b@example.com')).toBeUndefined()
  })
})
