// Which passwords are good enough (authentication §8.3). Length counts code points; character classes are ASCII, and
// whatever is no ASCII letter or digit is a symbol.
import { readFile } from 'node:fs/promises'
import { Refusal } from '../refusal.ts'
import type { PasswordPolicyConfig } from './config.ts'

export type PolicyCause = { Name: string; Info?: Record<string, number> }

/** Points 0–4 of how hard a password is to guess; the words of `about` count as easy. */
export type Guess = (password: string, about: readonly string[]) => number

/** Every rule of the policy that the password breaks, except those about earlier passwords. `guessed` is `Guess`'s points. */
export function policyCauses(
  policy: PasswordPolicyConfig,
  password: string,
  guessed: number | undefined,
): PolicyCause[] {
  const causes: PolicyCause[] = []
  const length = [...password].length
  if (length < policy.min_length)
    causes.push({ Name: 'PasswordTooShort', Info: { min_length: policy.min_length, pw_length: length } })
  const classes = [
    [policy.uppercase_required, /[A-Z]/, 'PasswordUppercaseRequired'],
    [policy.lowercase_required, /[a-z]/, 'PasswordLowercaseRequired'],
    [policy.alphabet_required, /[A-Za-z]/, 'PasswordAlphabetRequired'],
    [policy.digit_required, /[0-9]/, 'PasswordDigitRequired'],
    [policy.symbol_required, /[^A-Za-z0-9]/, 'PasswordSymbolRequired'],
  ] as const
  for (const [required, pattern, Name] of classes) if (required && !pattern.test(password)) causes.push({ Name })
  const lower = password.toLowerCase()
  if (policy.excluded_keywords.some((word) => lower.includes(word.toLowerCase())))
    causes.push({ Name: 'PasswordContainingExcludedKeywords' })
  const level = policy.minimum_guessable_level
  if (level > 0 && guessed !== undefined && guessed < Math.min(level - 1, 4))
    causes.push({ Name: 'PasswordBelowGuessableLevel', Info: { min_level: level, pw_level: Math.min(guessed + 1, 5) } })
  return causes
}

export function policyRefusal(causes: readonly PolicyCause[]): Refusal {
  return new Refusal({
    name: 'Invalid',
    reason: 'PasswordPolicyViolated',
    message: 'password policy violated',
    info: { causes },
  })
}

/** What a person is told before they choose (authentication §3.6). */
export function policyData(policy: PasswordPolicyConfig) {
  const flag = <K extends string>(key: K, on: boolean) => (on ? ({ [key]: true } as Record<K, true>) : {})
  const { history_size: size, history_days: days } = policy
  return {
    minimum_length: policy.min_length,
    ...flag('uppercase_required', policy.uppercase_required),
    ...flag('lowercase_required', policy.lowercase_required),
    ...flag('alphabet_required', policy.alphabet_required),
    ...flag('digit_required', policy.digit_required),
    ...flag('symbol_required', policy.symbol_required),
    ...(policy.minimum_guessable_level > 0 ? { minimum_zxcvbn_score: policy.minimum_guessable_level - 1 } : {}),
    history: { enabled: size > 0 || days > 0, ...(size > 0 ? { size } : {}), ...(days > 0 ? { days } : {}) },
    ...(policy.excluded_keywords.length > 0 ? { excluded_keywords: policy.excluded_keywords } : {}),
  }
}

let guesser: Promise<Guess> | undefined

/** The strength meter; read when the first policy asks for it. */
export function loadGuess(): Promise<Guess> {
  guesser ??= makeGuess().catch((error: Error) => {
    guesser = undefined
    throw error
  })
  return guesser
}

async function makeGuess(): Promise<Guess> {
  const [{ ZxcvbnFactory }, text] = await Promise.all([
    import('@zxcvbn-ts/core'),
    readFile(new URL('../../assets/common_passwords.txt', import.meta.url), 'utf8'),
  ])
  const meter = new ZxcvbnFactory({ dictionary: { passwords: text.trim().split('\n') } })
  // The meter's cost grows steeply with length, and nothing beyond the first hundred characters could make it weak.
  return (password, about) => meter.check(password.slice(0, 100), [...about]).score
}
