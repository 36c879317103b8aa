import { expect, test } from 'vitest'
import { loginIdKind } from './identification.ts'

const all = ['email', 'phone', 'username'] as const

test.each([
  ['ana@acme.com', all, 'email'],
  [' ana@acme.com ', all, 'email'],
  ['+886 912 345 678', all, 'phone'],
  ['ana', all, 'username'],
  ['0912345678', all, 'username'],
  ['0912345678', ['email', 'phone'], 'phone'],
  ['0912-345-678', ['email', 'phone'], 'phone'],
  ['ana', ['email', 'phone'], 'email'],
  ['ana@acme.com', ['username'], 'username'],
  ['ana', ['phone'], 'phone'],
  ['', all, 'username'],
  ['ana', [], undefined],
] as const)('%j among %j is %j', (text, offered, kind) => {
  expect(loginIdKind(text, offered)).toBe(kind)
})

test('what the form says counts when it is offered', () => {
  expect(loginIdKind('ana@acme.com', all, 'username')).toBe('username')
  expect(loginIdKind('ana@acme.com', ['email'], 'username')).toBe('email')
})
