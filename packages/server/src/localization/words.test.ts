import { readdirSync, readFileSync } from 'node:fs'
import { IntlMessageFormat } from 'intl-messageformat'
import { describe, expect, test } from 'vitest'
import { ago, clock, countdown, day, duration } from './time.ts'
import { sentenceTags, translated, wordsFor } from './words.ts'

const folder = new URL('../../assets/words/', import.meta.url)
const table = (lang: string): Record<string, string> =>
  JSON.parse(readFileSync(new URL(`${lang}.json`, folder), 'utf8'))
const english = table('en')
const others = translated.filter((lang) => lang !== 'en')

/** Names of the variables (`{n}`) and tags (`<b>`) that a message asks for. */
function names(message: string): string[] {
  const found = new Set<string>()
  const walk = (elements: MessageElement[]) => {
    for (const element of elements) {
      if (element.type === 8) found.add(`<${element.value}>`)
      else if (element.type !== 0 && element.type !== 7) found.add(`{${element.value}}`)
      if (element.children) walk(element.children)
      for (const option of Object.values(element.options ?? {})) walk(option.value)
    }
  }
  walk(new IntlMessageFormat(message, 'en').getAst() as MessageElement[])
  return [...found].sort()
}

type MessageElement = {
  type: number
  value?: string
  children?: MessageElement[]
  options?: Record<string, { value: MessageElement[] }>
}

describe('the tables', () => {
  test('every language on offer has its file, and every file is on offer', () => {
    expect(readdirSync(folder).sort()).toEqual(translated.map((lang) => `${lang}.json`).sort())
  })

  test.each(others)('%s has the keys of English', (lang) => {
    expect(Object.keys(table(lang)).sort()).toEqual(Object.keys(english).sort())
  })

  test.each(others)('%s has the variables and tags of English', (lang) => {
    const theirs = table(lang)
    for (const [key, message] of Object.entries(english))
      expect([key, names(theirs[key] ?? '')]).toEqual([key, names(message)])
  })

  test.each(translated)('%s: every message is well formed and says something', async (lang) => {
    const words = await wordsFor(lang)
    for (const [key, message] of Object.entries(table(lang))) {
      const vars: Record<string, string | number> = {}
      for (const name of names(message)) if (name.startsWith('{')) vars[name.slice(1, -1)] = name === '{n}' ? 2 : 'X'
      expect(words(key, vars), key).not.toBe(key)
      expect(words(key, vars).trim(), key).not.toBe('')
      expect(words(key, vars), key).not.toMatch(/[{}<>]/)
      for (const name of names(message)) if (name.startsWith('<')) expect(sentenceTags).toContain(name.slice(1, -1))
    }
  })

  test('English uses none of the words that blame or shout', () => {
    for (const [key, message] of Object.entries(english)) {
      expect([key, message]).not.toEqual([
        key,
        expect.stringMatching(/\b(oops|invalid|failed|failure|please|log ?in|log ?out)\b|!/i),
      ])
    }
    for (const lang of others) for (const message of Object.values(table(lang))) expect(message).not.toMatch(/[!！]/)
  })
})

describe('wordsFor', () => {
  test('speaks the nearest language it has, and says which', async () => {
    expect((await wordsFor('zh-HK'))('common.sign_in')).toBe('登入')
    expect((await wordsFor('zh-HK')).lang).toBe('zh-TW')
    const french = await wordsFor('fr')
    expect([french.lang, french('common.sign_in')]).toEqual(['en', 'Sign in'])
    expect(await wordsFor('en')).toBe(await wordsFor('en-GB'))
  })

  test('plurals follow the number', async () => {
    const words = await wordsFor('en')
    expect(words('devices.sign_out_all_title', { n: 1 })).toBe('Sign out the other device?')
    expect(words('devices.sign_out_all_title', { n: 4 })).toBe('Sign out 4 other devices?')
  })

  test('a variable is data: braces and tags in it stay as they are, and views get it apart', async () => {
    const words = await wordsFor('en')
    expect(words('login.title', { app: '<b>{x}</b>' })).toBe('Sign in to <b>{x}</b>')
    expect(words.parts('login.title', { app: 'Acme' })).toEqual([
      { kind: 'text', text: 'Sign in to ' },
      { kind: 'variable', text: 'Acme' },
    ])
    expect(words.parts('login.new_here')).toEqual([
      { kind: 'text', text: 'New here? ' },
      { kind: 'tag', name: 'link', parts: [{ kind: 'text', text: 'Create account' }] },
    ])
    expect(words('login.new_here')).toBe('New here? Create account')
  })

  test("a project's own text comes first, and a broken one does no harm", async () => {
    const words = await wordsFor('en', {
      'login.title': 'Hello at {app}',
      'signup.title': 'Join {app',
      'login.submit': '{who}',
    })
    expect(words('login.title', { app: 'Acme' })).toBe('Hello at Acme')
    expect(words('signup.title', { app: 'Acme' })).toBe('Create your Acme account')
    expect(words('login.submit')).toBe('Continue')
  })

  test('a language that only the project speaks keeps its tag and direction', async () => {
    const words = await wordsFor('ar', { 'login.title': 'تسجيل الدخول إلى {app}' })
    expect([words.lang, words.dir]).toEqual(['ar', 'rtl'])
    expect(words('login.title', { app: 'Acme' })).toBe('تسجيل الدخول إلى \u2068Acme\u2069')
    expect(words('common.sign_in')).toBe('Sign in')
  })

  test('an unknown key shows itself, so that it is noticed', async () => {
    const words = await wordsFor('en')
    expect([words('no.such.key'), words.has('no.such.key'), words.has('login.title')]).toEqual([
      'no.such.key',
      false,
      true,
    ])
    expect(words('constructor')).toBe('constructor')
  })
})

test('moments and spans', () => {
  const at = new Date('2026-05-03T14:05:30Z')
  expect(clock('en', at)).toMatch(/^2:05\sPM UTC$/)
  expect(clock('en-GB', at, 'Asia/Taipei')).toContain('22:05')
  expect(day('en', at)).toBe('May 3, 2026')
  expect(day('zh-TW', at)).toBe('2026年5月3日')
  expect([duration('en', 45), duration('en', 300), duration('en', 1200), duration('zh-TW', 300)]).toEqual([
    '45 seconds',
    '5 minutes',
    '20 minutes',
    '5 分鐘',
  ])
  expect([duration('en', 1), duration('en', 7200), duration('en', 30 * 86400)]).toEqual([
    '1 second',
    '2 hours',
    '30 days',
  ])
  const now = new Date('2026-05-03T16:06:00Z')
  expect([ago('en', at, now), ago('en', now, now), ago('en', now, at)]).toEqual(['2 hours ago', 'now', 'now'])
  expect([countdown(45), countdown(59.2), countdown(720), countdown(-3)]).toEqual(['0:45', '1:00', '12:00', '0:00'])
})
