import { describe, expect, test } from 'vitest'
import { direction, languageName, negotiate } from './negotiate.ts'

const both = { supported_languages: ['en', 'zh-TW'], fallback_language: 'en' }

describe('negotiate', () => {
  test.each([
    ['zh-TW', 'zh-TW'],
    ['zh-HK', 'zh-TW'],
    ['zh-Hant', 'zh-TW'],
    ['zh_Hant_MO', 'zh-TW'],
    ['zh-Hans', 'en'],
    ['zh-CN', 'en'],
    ['en-GB', 'en'],
    ['fr zh-HK en', 'zh-TW'],
    ['not a tag!', 'en'],
  ])('ui_locales %s → %s', (uiLocales, expected) => {
    expect(negotiate({ uiLocales }, both)).toBe(expected)
  })

  test('ui_locales beats the cookie, the cookie beats the header', () => {
    expect(negotiate({ uiLocales: 'en', cookie: 'zh-TW', acceptLanguage: 'zh-TW' }, both)).toBe('en')
    expect(negotiate({ cookie: 'zh-TW', acceptLanguage: 'en' }, both)).toBe('zh-TW')
    expect(negotiate({ uiLocales: 'fr', acceptLanguage: 'zh-TW' }, both)).toBe('zh-TW')
  })

  test('the header is read by weight, and a refused language is not chosen', () => {
    expect(negotiate({ acceptLanguage: 'en;q=0.5, zh-TW;q=0.9, *;q=0.1' }, both)).toBe('zh-TW')
    expect(negotiate({ acceptLanguage: 'zh-TW;q=0, fr' }, both)).toBe('en')
  })

  test('the exact tag wins over a sibling region', () => {
    const spanish = { supported_languages: ['es', 'es-419', 'es-ES'], fallback_language: 'es' }
    expect(negotiate({ uiLocales: 'es-419' }, spanish)).toBe('es-419')
    expect(negotiate({ uiLocales: 'es-MX' }, spanish)).toBe('es')
  })

  test('nothing suits: the fallback', () => {
    expect(negotiate({}, { supported_languages: ['zh-TW', 'en'], fallback_language: 'zh-TW' })).toBe('zh-TW')
    expect(negotiate({ acceptLanguage: `${'x,'.repeat(100_000)}` }, both)).toBe('en')
  })
})

test('direction follows the script', () => {
  expect(['ar', 'he', 'fa-IR', 'en', 'zh-TW', 'az-Arab', 'nonsense!'].map(direction)).toEqual([
    'rtl',
    'rtl',
    'rtl',
    'ltr',
    'ltr',
    'rtl',
    'ltr',
  ])
})

test('languages are named in their own words', () => {
  expect(['en', 'zh-TW', 'zh-CN', 'es'].map(languageName)).toEqual(['English', '繁體中文', '简体中文', 'Español'])
})
