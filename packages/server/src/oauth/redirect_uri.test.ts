import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ClientConfig } from './config.ts'
import { chooseRedirectUri, postLogoutAllowed, redirectAllowed, sameRedirectUri } from './redirect_uri.ts'

const origin = {
  origin: 'https://id.example.com',
  host: 'id.example.com',
  cookieDomain: undefined,
  secure: true,
  cookiePrefix: '',
  carries: false,
}
const client = ClientConfig.parse({
  client_id: 'c',
  name: 'C',
  x_application_type: 'spa',
  redirect_uris: ['https://app.example.com/cb', 'https://app.example.com', 'com.example.app:/cb'],
  post_logout_redirect_uris: ['https://app.example.com/bye'],
})
const allowed = (uri: string) => redirectAllowed(uri, client, [origin])

describe('a redirect URI', () => {
  test.each([
    'https://app.example.com/cb',
    'https://app.example.com',
    'https://app.example.com/',
    'com.example.app:/cb',
    'https://id.example.com/settings',
  ])('%s is allowed', (uri) => {
    expect(allowed(uri)).toBe(true)
  })

  test.each([
    'https://app.example.com/cb/',
    'https://app.example.com/cb?',
    'https://app.example.com/cb#',
    'https://app.example.com/cb%20',
    'https://app.example.com.evil.com/cb',
    'https://evil.com/https://app.example.com/cb',
    'https://app.example.com@evil.com/cb',
    'https://app.example.com:444/cb',
    'http://app.example.com/cb',
    '//app.example.com/cb',
    '/cb',
    '',
    'com.example.app:/other',
    'com.evil.app:/cb',
    'https://id.example.com/oauth2/redirect',
    'https://id.example.com/%6Fauth2/redirect',
    'https://id.example.com//oauth2/redirect',
    'https://id.example.com/settings/../oauth2/redirect',
    'https://id.example.com\\oauth2\\redirect',
    'https://id.example.com/%',
    'https://app.example.com/cb\t',
    'https://app.example.com/c\nb',
  ])('%j is not', (uri) => {
    expect(allowed(uri)).toBe(false)
  })

  test('that is allowed leads to a registered address or to us, whatever a browser makes of it', () => {
    const piece = fc.constantFrom(
      'https:',
      'http:',
      '//',
      '/',
      '\\',
      '@',
      ':',
      '?',
      '#',
      '.',
      '..',
      '%2f',
      '%6f',
      'app.example.com',
      'id.example.com',
      'evil.com',
      'cb',
      'oauth2',
      'redirect',
      'settings',
      '443',
      '\t',
      'com.example.app:',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        const uri = pieces.join('')
        if (!allowed(uri)) return
        const url = new URL(uri)
        const registered = ['https://app.example.com/cb', 'https://app.example.com/', 'com.example.app:/cb'].includes(
          url.href,
        )
        expect(
          registered || (url.origin === origin.origin && !/^\/+oauth2/i.test(decodeURIComponent(url.pathname))),
        ).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })

  test('may be left out only when there is one', () => {
    expect(chooseRedirectUri(undefined, client, [origin])).toBeUndefined()
    expect(chooseRedirectUri('', { ...client, redirect_uris: ['https://app.example.com'] }, [origin])).toBe(
      'https://app.example.com/',
    )
  })

  test('is the same for the token endpoint with and without the slash of an empty path, and else only when equal', () => {
    expect(sameRedirectUri('https://app.example.com', 'https://app.example.com/')).toBe(true)
    fc.assert(
      fc.property(
        fc.webUrl(),
        fc.webUrl(),
        (one, other) => sameRedirectUri(one, other) === (new URL(one).href === new URL(other).href),
      ),
    )
  })
})

test('an address after logout is registered, exactly', () => {
  expect(postLogoutAllowed('https://app.example.com/bye', [client])).toBe(true)
  for (const uri of [
    'https://app.example.com/bye?x',
    'https://app.example.com/bye/',
    'https://app.example.com/cb',
    'nonsense',
  ])
    expect(postLogoutAllowed(uri, [client])).toBe(false)
})
