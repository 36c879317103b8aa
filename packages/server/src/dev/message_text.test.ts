import fc from 'fast-check'
import { expect, test } from 'vitest'
import { codeIn, pieces } from './message_text.ts'

test('links are told from the sentence around them', () => {
  expect(pieces('Open http://localhost:4000/x?a=1&b=2. Or don’t (see https://a.test/y).')).toEqual([
    { text: 'Open ' },
    { text: 'http://localhost:4000/x?a=1&b=2', link: true },
    { text: '. Or don’t (see ' },
    { text: 'https://a.test/y', link: true },
    { text: ').' },
  ])
})

test('no text is lost', () => {
  fc.assert(
    fc.property(
      fc.string(),
      (text) =>
        pieces(text)
          .map((piece) => piece.text)
          .join('') === text,
    ),
  )
})

test('a code is six digits by themselves', () => {
  expect(codeIn('Your code is 482913.')).toBe('482913')
  expect(codeIn('482913\nis your code')).toBe('482913')
  expect(codeIn('Call +886912345678, or open https://a.test/123456 now')).toBeUndefined()
  expect(codeIn('Order 1234567 of 2026')).toBeUndefined()
})
