import { describe, expect, test } from 'vitest'
import type { OAuthRequest } from '../oauth/request.ts'
import { type Circumstances, routeOf } from './routing.ts'

const now = new Date('2026-05-03T14:00:00Z')
const request: OAuthRequest = {
  clientId: 'notes',
  redirectUri: 'https://notes.acme.com/cb',
  responseType: 'code',
  responseMode: 'query',
  scopes: ['openid'],
  origin: 'https://identity.acme.com',
  prompt: [],
  browserSession: true,
  sso: false,
}
const ana = { userId: 'ana', authTime: new Date('2026-05-03T13:00:00Z'), loginIds: ['ana@acme.com'] }
const nobody: Circumstances = { session: undefined, signedUp: false, signupClosed: false, now }
const signedIn = { ...nobody, session: ana, signedUp: true }
const route = (more: Partial<OAuthRequest>, circumstances = nobody) => routeOf({ ...request, ...more }, circumstances)

describe('without a session', () => {
  test('a new browser begins with sign-up, a known one with sign-in', () => {
    expect(route({})).toBe('signup')
    expect(route({}, { ...nobody, signedUp: true })).toBe('login')
    expect(route({}, { ...nobody, signupClosed: true })).toBe('login')
  })
  test('the app may name the page', () => {
    expect(route({ page: 'login' })).toBe('login')
    expect(route({ page: 'signup' }, { ...nobody, signedUp: true })).toBe('signup')
    expect(route({ prompt: ['create'] }, { ...nobody, signedUp: true })).toBe('signup')
    expect(route({ page: 'signup' }, { ...nobody, signupClosed: true })).toBe('login')
    expect(route({ prompt: ['login'] })).toBe('login')
    expect(route({ providerAlias: 'google' })).toBe('login')
  })
  test('who is named has an account already', () => {
    expect(route({ loginHint: { type: 'text', text: 'ana@acme.com' } })).toBe('login')
  })
  test('a guest is promoted', () => {
    expect(route({ loginHint: { type: 'anonymous', promotionCode: 'x' }, prompt: ['login'] })).toBe('promote')
  })
})

describe('with a session', () => {
  test('nothing goes on without a click, unless the app names the user', () => {
    expect(route({}, signedIn)).toBe('select_account')
    expect(route({ prompt: ['select_account'] }, signedIn)).toBe('select_account')
    expect(route({ hint: { sub: 'ana' } }, signedIn)).toBe('continue')
    expect(route({ hint: { sub: 'ben' } }, signedIn)).toBe('login')
  })
  test('an app that shares no session sees none', () => {
    expect(route({ browserSession: false }, signedIn)).toBe('login')
    expect(route({ browserSession: false, hint: { sub: 'ana' } }, signedIn)).toBe('login')
  })
  test('a proof is asked for when the app wants one, or a newer one', () => {
    expect(route({ prompt: ['login'] }, signedIn)).toBe('login')
    expect(route({ maxAge: 0 }, signedIn)).toBe('login')
    expect(route({ maxAge: 60 }, signedIn)).toBe('login')
    expect(route({ maxAge: 7200 }, signedIn)).toBe('select_account')
    expect(route({ prompt: ['login'], hint: { sub: 'ana' } }, signedIn)).toBe('reauth')
    expect(route({ maxAge: 0, hint: { sub: 'ana' } })).toBe('reauth')
    expect(route({ maxAge: 7200, hint: { sub: 'ana' } }, signedIn)).toBe('continue')
  })
  test('creating an account sets the session aside', () => {
    expect(route({ prompt: ['create'] }, signedIn)).toBe('signup')
    expect(route({ page: 'signup' }, signedIn)).toBe('select_account')
  })
  test('a hint that names somebody else is no reason to continue', () => {
    expect(route({ loginHint: { type: 'login_id', email: 'Ana@acme.com', enforce: false } }, signedIn)).toBe(
      'select_account',
    )
    expect(route({ loginHint: { type: 'login_id', email: 'ben@acme.com', enforce: true } }, signedIn)).toBe('login')
    expect(route({ loginHint: { type: 'text', text: 'ben@acme.com' } }, signedIn)).toBe('login')
  })
})
