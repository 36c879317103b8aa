// When a certificate is renewed, and when to try again after a failure.
import { isIP } from 'node:net'
import { after, type Instant } from '../world.ts'

/** With a third of its lifetime left, as authorities ask for; a lifetime of days needs no other rule than one of months. */
export function renewAt({ notBefore, notAfter }: { notBefore: Instant; notAfter: Instant }): Instant {
  return new Date(notBefore.getTime() + ((notAfter.getTime() - notBefore.getTime()) * 2) / 3)
}

const firstPause = 60
const longestPause = 12 * 3600

/** Twice as long after each failure in a row, half a day at most: authorities bar an account that goes on failing. */
export function retryAt(failures: number, now: Instant): Instant {
  return after(now, Math.min(firstPause * 2 ** Math.max(0, failures - 1), longestPause))
}

/** Whether an authority could certify the name at all: a host with a dot, no address. Small letters only. */
export function isCertifiable(name: string): boolean {
  return (
    name.length <= 253 &&
    name.includes('.') &&
    isIP(name) === 0 &&
    name.split('.').every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label))
  )
}
