/**
 * What is accepted, checked and kept, and does nothing yet. `headgear doctor` reads it out, so that nobody relies on a
 * setting in vain. A line leaves this table with the change that makes it work.
 */
import { pointerTo } from './faults.ts'

type Line = {
  /** Keys from the root; `*` is every item of a list. */
  path: string
  title: string
  /** Only this value, or an item of this value. */
  value?: unknown
}

const table: Line[] = [
  { path: 'hook', title: 'Hooks' },
  { path: 'search', title: 'Search back end' },
  { path: 'usage', title: 'Usage quotas' },
  { path: 'saml', title: 'SAML' },
  { path: 'captcha', title: 'Captcha (no longer used)' },
  { path: 'otp', title: 'OTP limits (no longer used)' },
  { path: 'web3', title: 'Web3 (no longer used)' },
  { path: 'welcome_message', title: 'Welcome message (no longer used)' },
  { path: 'google_tag_manager', title: 'Google Tag Manager' },
  { path: 'account_migration', title: 'Account migration' },
  { path: 'account_linking', title: 'Account linking' },
  { path: 'external_jwt', title: 'Foreign JWTs' },
  { path: 'bot_protection', title: 'Bot protection' },
  { path: 'network_protection', title: 'Network protection' },
  { path: 'fraud_protection', title: 'Fraud protection' },
  { path: 'account_anonymization', title: 'Account anonymization' },
  { path: 'identity.oauth', title: 'Upstream providers' },
  { path: 'identity.ldap', title: 'LDAP servers' },
  { path: 'identity.biometric', title: 'Biometric devices on the settings page' },
  { path: 'identity.on_conflict', title: 'Conflicts on promotion' },
  { path: 'authentication.identities', value: 'oauth', title: 'Upstream providers' },
  { path: 'authentication.identities', value: 'passkey', title: 'Passkeys' },
  { path: 'authentication.identities', value: 'siwe', title: 'Wallets (no longer used)' },
  { path: 'authentication.identities', value: 'ldap', title: 'LDAP' },
  { path: 'authentication.primary_authenticators', value: 'passkey', title: 'Passkeys' },
  { path: 'authenticator.password.ratelimit', title: 'Password rate limit (no longer used)' },
  { path: 'messaging.whatsapp', title: 'WhatsApp' },
  { path: 'test_mode.whatsapp', title: 'Withholding WhatsApp messages' },
  { path: 'ui.passkey_upselling_opt_out_enabled', title: 'Passkeys' },
  { path: 'ui.implementation', title: 'Choice of pages (there is one)' },
  { path: 'ui.settings_implementation', title: 'Choice of settings pages (there is one)' },
  ...['authorization_code', 'refresh_token', 'client_credentials'].map((value) => ({
    path: 'oauth.clients.*.grant_types',
    value,
    title: 'Grant types (the application type decides)',
  })),
  { path: 'oauth.clients.*.response_types', title: 'Response types (the application type decides)' },
]

export type WithoutEffect = { location: string; title: string }

/** Which written parts of `written` (the plain value of `authgear.yaml`) do nothing yet: JSON pointer and title each. */
export function withoutEffect(written: unknown): WithoutEffect[] {
  return table.flatMap((line) =>
    find(written, line.path.split('.'))
      .filter(
        ({ value }) =>
          line.value === undefined || value === line.value || (Array.isArray(value) && value.includes(line.value)),
      )
      .map(({ path, value }) => ({
        location: pointerTo(
          Array.isArray(value) && line.value !== undefined ? [...path, value.indexOf(line.value)] : path,
        ),
        title: line.title,
      })),
  )
}

function find(
  value: unknown,
  keys: readonly string[],
  path: PropertyKey[] = [],
): { path: PropertyKey[]; value: unknown }[] {
  const [key, ...rest] = keys
  if (key === undefined) return [{ path, value }]
  if (typeof value !== 'object' || value === null) return []
  if (key === '*') return Array.isArray(value) ? value.flatMap((item, index) => find(item, rest, [...path, index])) : []
  return Object.hasOwn(value, key) ? find((value as Record<string, unknown>)[key], rest, [...path, key]) : []
}
