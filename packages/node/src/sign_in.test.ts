import { expect, test } from 'vitest'
import { pathOf } from './sign_in.ts'

const app = {
  origin: 'https://app.example.net',
  paths: {
    login: '/auth/login',
    callback: '/auth/callback',
    logout: '/auth/logout',
    backchannelLogout: '/auth/backchannel-logout',
  },
}

test.each([
  ['https://evil.example/', '/'],
  ['//evil.example/', '/'],
  ['///evil.example/', '/'],
  ['/\\evil.example/', '/'],
  ['/\t/evil.example/', '/'],
  ['\\\\evil.example', '/'],
  [' /members', '/'],
  ['javascript:alert(1)', '/'],
  ['members', '/'],
  ['', '/'],
  [null, '/'],
  [undefined, '/'],
  ['/auth/login', '/'],
  ['/auth/logout?exit=x', '/'],
  ['/x/../auth/logout', '/'],
  ['/auth/profile', '/auth/profile'],
  ['/.//evil.example/', '//evil.example/'], // a path, which is put behind the origin
  ['/members?next=https://evil.example#top', '/members?next=https://evil.example#top'],
  ['/é b', '/%C3%A9%20b'],
])('a wish to return to %j leads to %s', (wish, path) => {
  expect(pathOf(wish, app)).toBe(path)
})
