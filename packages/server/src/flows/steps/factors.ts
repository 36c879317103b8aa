// Names of factors taken apart, and where their codes go.
import type { LoginIdType } from '../../identities/config.ts'
import { mask } from '../../identities/login_id.ts'

/** Where a code goes, before its channel is chosen. */
export type Reach = { type: 'email' | 'phone'; target: string; masked: string }

/** `primary_oob_otp_email` → primary, oob_otp_email. */
export function partsOf(authentication: string): { kind: 'primary' | 'secondary'; type: string } {
  const kind = authentication.startsWith('secondary_') ? 'secondary' : 'primary'
  return { kind, type: authentication.replace(/^(primary|secondary)_/, '') }
}

export function reachOf(type: string, target: string): Reach {
  const reached: Exclude<LoginIdType, 'username'> = type === 'oob_otp_sms' ? 'phone' : 'email'
  return { type: reached, target, masked: mask(reached, target) }
}
