// Whether a person keeps a way in. Rules only.
import type { Config } from '../config/schema.ts'
import type { LoginIdType } from '../identities/config.ts'

type Held = { type: string; login_id_type: string | null }
type Factor = { type: string; kind: string }

const codeFactor: Partial<Record<LoginIdType, string>> = { email: 'oob_otp_email', phone: 'oob_otp_sms' }

/** Whether somebody can sign in with this identity: it is found, and leads to a first factor that they have or can be sent. */
function opens(identity: Held, factors: readonly Factor[], config: Config): boolean {
  if (!config.authentication.identities.includes(identity.type as never)) return false
  if (identity.type !== 'login_id') return identity.type !== 'anonymous'
  const { primary_authenticators: primary } = config.authentication
  const type = identity.login_id_type as LoginIdType
  if (!config.identity.login_id.keys.some((key) => key.type === type)) return false
  const has = (factor: string) => factors.some((one) => one.type === factor && one.kind === 'primary')
  if (primary.includes('password') && has('password')) return true
  const code = codeFactor[type]
  return code !== undefined && primary.includes(code as never)
}

/** Whether any of these identities lets the person in. */
export function canStillSignIn(identities: readonly Held[], factors: readonly Factor[], config: Config): boolean {
  return identities.some((identity) => opens(identity, factors, config))
}
