// The package's entry: for apps that sign people in, and for APIs that they call.
export { type Claims, SignInError } from './client.ts'
export { type Denylist, memoryDenylist } from './denylist.ts'
export { Forbidden, Unauthorized, Unavailable } from './errors.ts'
export { type Demanding, type Headgear, headgear } from './headgear.ts'
export type { Options, Paths } from './options.ts'
export type { ProviderOptions } from './provider.ts'
export type { Session, SetHeader, Visit } from './session.ts'
export type { SignInOptions } from './sign_in.ts'
export type { SessionStore, StoredSession } from './store.ts'
export {
  type Bearing,
  type Caller,
  type Revocations,
  refusal,
  type Verifier,
  type VerifierOptions,
  verifier,
} from './verify.ts'
