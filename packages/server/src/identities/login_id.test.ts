import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../config/parse.ts'
import type { LoginIdKeyConfig, LoginIdType } from './config.ts'
import { mask, newLoginId, normaliseLoginId } from './login_id.ts'

function rules(more = '') {
  const parsed = parseConfig(`id: a\nhttp: { public_origin: https://a.example.com }\n${more}`)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults))
  return parsed.config
}

const key = (type: LoginIdType, max_length = 320): LoginIdKeyConfig => ({
  type,
  key: type,
  max_length,
  create_disabled: false,
  update_disabled: false,
  delete_disabled: false,
})
const plain = rules()

async function read(type: LoginIdType, text: string, config = plain) {
  return newLoginId(key(type), text, config).then(
    ({ value, uniqueKey }) => ({ value, uniqueKey }),
    (error) => error.info.causes[0].details,
  )
}

describe('e-mail addresses', () => {
  test.each([
    [' Ana@Example.COM ', 'ana@example.com', 'ana@example.com'],
    ['ana@exämple.com', 'ana@exämple.com', 'ana@xn--exmple-cua.com'],
    ['ana@xn--exmple-cua.com', 'ana@exämple.com', 'ana@xn--exmple-cua.com'],
    ['ａｎａ@example.com', 'ana@example.com', 'ana@example.com'],
    ["o'brien+tag@sub.example.co.uk", "o'brien+tag@sub.example.co.uk", "o'brien+tag@sub.example.co.uk"],
  ])('%s', async (text, value, uniqueKey) => {
    expect(await read('email', text)).toEqual({ value, uniqueKey })
  })

  test.each([
    '',
    'ana',
    '@example.com',
    'ana@',
    'ana@localhost',
    'a b@example.com',
    'ana@exam ple.com',
    '"a b"@example.com',
    'a@b@example.com',
    '.ana@example.com',
    'an..a@example.com',
    'ana@-example.com',
    'ana@127.0.0.1',
    'ana@[127.0.0.1]',
    'ana@example.com\nBcc: x@y.com',
    `${'a'.repeat(65)}@example.com`,
    'ana@example.com>',
    'ana\u0000@example.com',
  ])('is none: %j', async (text) => {
    expect(await read('email', text)).toEqual({ format: 'email' })
  })

  test('case and dots as the project says', async () => {
    const sensitive = rules(
      'identity: { login_id: { types: { email: { case_sensitive: true, ignore_dot_sign: true } } } }',
    )
    expect(await read('email', 'An.A@Example.com', sensitive)).toEqual({
      value: 'AnA@example.com',
      uniqueKey: 'AnA@example.com',
    })
  })

  test('what is blocked for new ones still finds those who have one', async () => {
    const strict = rules('identity: { login_id: { types: { email: { block_plus_sign: true } } } }')
    expect(await read('email', 'a+b@example.com', strict)).toEqual({ reason: 'BlockPlusSign' })
    expect(await normaliseLoginId('email', 'a+b@example.com', strict)).toEqual({
      value: 'a+b@example.com',
      uniqueKey: 'a+b@example.com',
    })
    await expect(newLoginId(key('email'), 'a+b@example.com', strict, { administrator: true })).resolves.toMatchObject({
      value: 'a+b@example.com',
    })
  })

  test('normalising twice changes nothing, and never throws', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.emailAddress(),
          fc.string(),
          fc.string({ unit: 'grapheme' }).map((text) => `${text}@example.com`),
        ),
        async (text) => {
          for (const type of ['email', 'phone', 'username'] as const) {
            const once = await normaliseLoginId(type, text, plain)
            if (once !== undefined) expect(await normaliseLoginId(type, once.value, plain)).toEqual(once)
          }
        },
      ),
      { numRuns: 400 },
    )
  })
})

describe('telephone numbers', () => {
  test.each([
    ['+852 9876 5432', '+85298765432'],
    ['+1 (202) 456-1111', '+12024561111'],
    ['+49 30 901820', '+4930901820'],
  ])('%s', async (text, value) => {
    expect(await read('phone', text)).toEqual({ value, uniqueKey: value })
  })

  test.each(['98765432', '+852', '+85298765432 ext. 3', 'tel:+85298765432', '+852abc', '+8529876', '00852 9876 5432'])(
    'is none: %s',
    async (text) => {
      expect(await read('phone', text)).toEqual({ format: 'phone' })
    },
  )

  test('by length alone where the project says so', async () => {
    const possible = rules(
      'ui: { phone_input: { validation: { implementation: libphonenumber, libphonenumber: { validation_method: isPossibleNumber } } } }',
    )
    expect(await read('phone', '+85200000000')).toEqual({ format: 'phone' })
    expect(await read('phone', '+85200000000', possible)).toEqual({ value: '+85200000000', uniqueKey: '+85200000000' })
  })

  test('of countries that are accepted', async () => {
    const local = rules('ui: { phone_input: { allowlist: [HK] } }')
    expect(await read('phone', '+12024561111', local)).toEqual({ reason: 'PhoneNumberCountryCodeAllowlist' })
    expect(await read('phone', '+85298765432', local)).toEqual({ value: '+85298765432', uniqueKey: '+85298765432' })
  })
})

describe('usernames', () => {
  const wide = rules(
    'identity: { login_id: { types: { username: { ascii_only: false, block_reserved_usernames: false } } } }',
  )

  test.each([
    ['Ana_Silva-1.2', 'ana_silva-1.2', plain],
    ['ＡＮＡ', 'ana', plain],
    ['Ünal', 'ünal', wide],
    ['Анна', 'анна', wide],
  ])('%s', async (text, value, config) => {
    expect(await read('username', text, config)).toEqual({ value, uniqueKey: value })
  })

  test.each([
    ['a b', plain],
    ['ünal', plain],
    ['a@b', plain],
    ['раypal', wide],
    ['αlpha', wide],
    ['a\u200bb', wide],
    ['a\u202eb', wide],
  ])('is none: %j', async (text, config) => {
    expect(await read('username', text, config)).toEqual({ format: 'username' })
  })

  test('that are reserved', async () => {
    for (const name of ['admin', 'Support', 'security'])
      expect(await read('username', name)).toEqual({ reason: 'UsernameReserved' })
  })
})

test('too long is too long', async () => {
  await expect(newLoginId(key('username', 5), 'abcdef', plain)).rejects.toMatchObject({ reason: 'ValidationFailed' })
})

test('a mask keeps what is no secret and hides half of the rest', () => {
  expect(mask('email', 'user@example.com')).toBe('us**@example.com')
  expect(mask('email', 'a@example.com')).toBe('a@example.com')
  expect(mask('phone', '+85251000000')).toBe('+8525100****')
  expect(mask('phone', '+12024561111')).toBe('+120245*****')
  expect(mask('phone', '+35312345678')).toBe('+3531234****')
  expect(mask('username', 'ana')).toBe('ana')
  fc.assert(
    fc.property(fc.emailAddress(), (email) => {
      expect(mask('email', email)).toHaveLength(email.length)
      expect(mask('email', email).split('@')[1]).toBe(email.split('@')[1])
    }),
  )
})
