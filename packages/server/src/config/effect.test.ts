import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { withoutEffect } from './effect.ts'
import { configJsonSchema } from './json_schema.ts'
import { parseConfig } from './parse.ts'

const everything = parse(readFileSync(new URL('./everything.yaml', import.meta.url), 'utf8'))

test('a file that uses none of them hears nothing', () => {
  expect(
    withoutEffect({
      id: 'a',
      http: { public_origin: 'https://a.example' },
      authentication: { identities: ['login_id'] },
    }),
  ).toEqual([])
  expect(withoutEffect(null)).toEqual([])
})

test('what is written is told, by place: sections, values in a list, keys of every client', () => {
  const written = {
    hook: {},
    authentication: {
      identities: ['login_id', 'ldap'],
      primary_authenticators: ['password'],
      secondary_authentication_mode: 'disabled',
    },
    oauth: { clients: [{ client_id: 'a' }, { client_id: 'b', response_types: ['code'] }] },
  }
  expect(withoutEffect(written).map((one) => one.location)).toEqual([
    '/hook',
    '/authentication/identities/1',
    '/oauth/clients/1/response_types',
  ])
})

test('it reads what parseConfig hands on', () => {
  const parsed = parseConfig('id: a\nhttp: { public_origin: https://a.example }\nusage: {}\n')
  expect(parsed.ok && withoutEffect(parsed.written)).toEqual([{ location: '/usage', title: 'Usage quotas' }])
})

test('every line of the table names something that can be written', () => {
  type Schema = { properties?: Record<string, Schema>; items?: Schema }
  const names = (schema: Schema | undefined, keys: string[]): boolean => {
    const [key, ...rest] = keys
    if (key === undefined) return schema !== undefined
    return names(/^\d+$/.test(key) ? (schema?.items ?? {}) : schema?.properties?.[key], rest)
  }
  // The fullest file there is, with each value that has a line of its own.
  const full = structuredClone(everything)
  full.authentication.identities.push('siwe')
  const told = withoutEffect(full)
  expect(told.length).toBeGreaterThan(10)
  for (const { location } of told)
    expect(names(configJsonSchema() as Schema, location.split('/').slice(1)), location).toBe(true)
})
