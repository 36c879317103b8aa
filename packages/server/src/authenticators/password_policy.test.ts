import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../config/parse.ts'
import type { PasswordPolicyConfig } from './config.ts'
import { loadGuess, policyCauses, policyData } from './password_policy.ts'

const parsed = parseConfig('id: a\nhttp: { public_origin: https://a.example.com }\n')
if (!parsed.ok) throw new Error('the smallest configuration does not parse')
const usual = parsed.config.authenticator.password.policy
const names = (policy: Partial<PasswordPolicyConfig>, password: string, guessed?: number) =>
  policyCauses({ ...usual, ...policy }, password, guessed).map((cause) => cause.Name)

describe('a policy', () => {
  test('by itself asks for eight characters, of whatever script', () => {
    expect(names({}, '1234567')).toEqual(['PasswordTooShort'])
    expect(names({}, '12345678')).toEqual([])
    expect(names({}, '🐝'.repeat(7))).toEqual(['PasswordTooShort'])
    expect(names({}, '🐝'.repeat(8))).toEqual([])
  })

  test('knows only ASCII letters, and takes everything else for a symbol', () => {
    expect(names({ uppercase_required: true }, 'Ünicode-only')).toEqual(['PasswordUppercaseRequired'])
    expect(names({ symbol_required: true }, 'withÜmlaut')).toEqual([])
    expect(names({ symbol_required: true }, 'with space')).toEqual([])
    expect(names({ digit_required: true }, 'arabic-٣٣٣')).toEqual(['PasswordDigitRequired'])
  })

  test('measures strength from one to five', () => {
    for (let level = 1; level <= 5; level++)
      for (let points = 0; points <= 4; points++) {
        const expected = points >= Math.min(level - 1, 4) ? [] : ['PasswordBelowGuessableLevel']
        expect(names({ minimum_guessable_level: level }, 'long enough', points)).toEqual(expected)
      }
  })

  test('breaks no rule that it does not have, and says what it asks for', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), (password) => {
        if ([...password].length >= 8) expect(names({}, password)).toEqual([])
      }),
    )
    expect(policyData(usual)).toEqual({ minimum_length: 8, history: { enabled: false } })
    expect(
      policyData({
        ...usual,
        symbol_required: true,
        minimum_guessable_level: 4,
        history_days: 90,
        excluded_keywords: ['acme'],
      }),
    ).toEqual({
      minimum_length: 8,
      symbol_required: true,
      minimum_zxcvbn_score: 3,
      history: { enabled: true, days: 90 },
      excluded_keywords: ['acme'],
    })
  })
})

describe('the strength meter', () => {
  test('knows what attackers try first, and what the account gives away', async () => {
    const guess = await loadGuess()
    for (const weak of [
      'password1234',
      'P@ssw0rd123456',
      'qwertyuiop123',
      'iloveyou2024',
      'aaaaaaaaaaaaaaaaaaaa',
      '1234567890123456',
    ])
      expect(guess(weak, []), weak).toBeLessThan(2)
    for (const strong of ['Tangent-47 velvet Mole', 'kz7#Lm2!qWv9']) expect(guess(strong, []), strong).toBe(4)
    expect(guess('silverlakes', [])).toBeGreaterThan(guess('silverlakes', ['silverlakes']))
  })

  test('is not slowed down by length', async () => {
    const guess = await loadGuess()
    const begun = performance.now()
    guess('aB3$'.repeat(10_000), [])
    expect(performance.now() - begun).toBeLessThan(1000)
  })
})
