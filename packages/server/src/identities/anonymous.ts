// Users without a login ID. In a native app a key pair stands for them; on the web, their session alone.
import type { Instant } from '../world.ts'
import { type KeyRequest, readKeyRequest } from './key_request.ts'

/** Reads a request of an anonymous user's key pair: `auth` to sign in, `promote` to become a normal user. */
export function readAnonymousRequest(jwt: string, now: Instant): KeyRequest | undefined {
  return readKeyRequest(jwt, { type: 'anonymous', actions: ['auth', 'promote'] }, now)
}
