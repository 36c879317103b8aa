import { describe, expect, test } from 'vitest'
import { parseConfig } from '../config/parse.ts'
import { attributeProblem, settleIdentityAttributes, withAttributes } from './profile.ts'

const parsed = parseConfig(`
id: a
http: { public_origin: https://a.example.com }
user_profile:
  custom_attributes:
    attributes:
      - { id: '0001', pointer: /size, type: integer, minimum: 1, maximum: 9, access_control: { end_user: readwrite, bearer: readonly, portal_ui: readwrite } }
      - { id: '0002', pointer: /colour, type: enum, enum: [red, blue] }
`)
if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults))
const config = parsed.config.user_profile
const { attributes } = config.custom_attributes

describe('values', () => {
  test.each([
    ['/name', 'Ana'],
    ['/birthdate', '2000-02-29'],
    ['/zoneinfo', 'Europe/Paris'],
    ['/locale', 'zh-Hant-HK'],
    ['/website', 'https://ana.example'],
    ['/address', { country: 'PT' }],
    ['/size', 9],
    ['/colour', 'red'],
    ['/name', null],
    ['/size', ''],
  ])('%s may be %j', (pointer, value) => {
    expect(attributeProblem(attributes, { pointer, value })).toBeUndefined()
  })

  test.each([
    ['/name', 3],
    ['/birthdate', '2001-02-29'],
    ['/birthdate', '01/02/2003'],
    ['/zoneinfo', 'Middle/Earth'],
    ['/locale', 'english please'],
    ['/website', 'javascript:alert(1)'],
    ['/picture', 'data:image/png;base64,AA'],
    ['/address', { planet: 'Earth' }],
    ['/address', ['x']],
    ['/size', 10],
    ['/size', 1.5],
    ['/size', '5'],
    ['/colour', 'green'],
    ['/nothing', 'x'],
  ])('%s may not be %j', (pointer, value) => {
    expect(attributeProblem(attributes, { pointer, value })).toBeTypeOf('string')
  })
})

describe('changes', () => {
  const own = [{ claims: { email: 'a@example.com' } }, { claims: { email: 'b@example.com' } }]

  test('keep custom attributes under their ids, and remove what is emptied', () => {
    const before = { standard: { given_name: 'Ana' }, custom: { '0002': 'red' } }
    expect(
      withAttributes(
        config,
        before,
        [
          { pointer: '/size', value: 3 },
          { pointer: '/colour', value: null },
          { pointer: '/given_name', value: '' },
        ],
        { own },
      ),
    ).toEqual({
      standard: {},
      custom: { '0001': 3 },
    })
    expect(before).toEqual({ standard: { given_name: 'Ana' }, custom: { '0002': 'red' } })
  })

  test('only take addresses that the user has', () => {
    const none = { standard: {}, custom: {} }
    expect(withAttributes(config, none, [{ pointer: '/email', value: 'b@example.com' }], { own }).standard).toEqual({
      email: 'b@example.com',
    })
    expect(() => withAttributes(config, none, [{ pointer: '/email', value: 'c@example.com' }], { own })).toThrow(
      expect.objectContaining({ reason: 'ValidationFailed' }),
    )
  })

  test('by a user are bound by access control, all or none', () => {
    const none = { standard: {}, custom: {} }
    expect(() =>
      withAttributes(
        config,
        none,
        [
          { pointer: '/size', value: 2 },
          { pointer: '/colour', value: 'red' },
        ],
        { own, party: 'end_user' },
      ),
    ).toThrow(expect.objectContaining({ reason: 'AccessControlViolated', info: { pointers: ['/colour'] } }))
  })

  test('of identities carry their attributes along', () => {
    expect(settleIdentityAttributes({}, own, true)).toEqual({ email: 'b@example.com' })
    expect(settleIdentityAttributes({}, own, false)).toEqual({})
    expect(settleIdentityAttributes({ email: 'a@example.com', name: 'Ana' }, own, true)).toEqual({
      email: 'a@example.com',
      name: 'Ana',
    })
    expect(settleIdentityAttributes({ email: 'gone@example.com' }, own, false)).toEqual({ email: 'b@example.com' })
    expect(settleIdentityAttributes({ email: 'gone@example.com' }, [], false)).toEqual({})
  })
})
