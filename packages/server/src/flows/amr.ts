// The means by which someone signed in, in the words of tokens (authentication §1.2; RFC 8176).
import type { Run } from './run.ts'
import { factsOf } from './run.ts'

const base: Record<string, string[]> = {
  password: ['pwd'],
  oob_otp_email: ['otp'],
  oob_otp_sms: ['otp', 'sms'],
  totp: ['otp'],
  passkey: [],
  recovery_code: [],
  device_token: [],
}

/** Sorted, each once; `mfa` when two factors were used. A trusted device is none: it only spares the second. */
export function amrOf(run: Run): string[] {
  const used = [
    ...new Set([...factsOf(run, 'authenticated'), ...factsOf(run, 'created')].map((fact) => fact.authentication)),
  ]
  const amr = used.flatMap((authentication) => [
    ...(base[authentication.replace(/^(primary|secondary)_/, '')] ?? []),
    `x_${authentication}`,
  ])
  return [...new Set([...amr, ...(used.filter((one) => one !== 'device_token').length > 1 ? ['mfa'] : [])])].sort()
}
