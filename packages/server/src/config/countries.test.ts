import { getCountries } from 'libphonenumber-js/min'
import { expect, test } from 'vitest'
import { phoneCountries } from './countries.ts'

test('the list is the telephone library’s', () => {
  expect(phoneCountries).toEqual([...getCountries()].sort())
})
