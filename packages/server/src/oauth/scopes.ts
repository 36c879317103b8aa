// Which scopes a client may ask for (wire contract §3.4).
import type { ClientConfig } from '../config/schema.ts'
import { hasFullAccess } from './clients.ts'

export const fullAccess = 'https://authgear.com/scopes/full-access'
export const fullUserInfo = 'https://authgear.com/scopes/full-userinfo'
export const preAuthenticatedUrl = 'https://authgear.com/scopes/pre-authenticated-url'

export const scopesSupported = [
  'offline_access',
  'device_sso',
  'openid',
  'profile',
  'email',
  'address',
  'phone',
  fullAccess,
  fullUserInfo,
  preAuthenticatedUrl,
]

/** The scopes in the order asked, each once. */
export function parseScope(scope: string): string[] {
  return [...new Set(scope.split(' ').filter((word) => word !== ''))]
}

/** Why these scopes cannot be had, as the contract words it, or undefined. */
export function scopeFault(scopes: readonly string[], client: ClientConfig): string | undefined {
  if (!scopes.includes('openid')) return "must request 'openid' scope"
  const barred = scopes.find((scope, index) => {
    if (scope === fullAccess) return !hasFullAccess(client)
    if (scope === 'device_sso') return !client.x_pre_authenticated_url_enabled
    if (scope === preAuthenticatedUrl)
      return !client.x_pre_authenticated_url_enabled || !scopes.slice(0, index).includes('device_sso')
    return !scopesSupported.includes(scope)
  })
  return barred === undefined
    ? undefined
    : `specified scope is not allowed: ${/^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(barred) ? barred : '(malformed)'}`
}
