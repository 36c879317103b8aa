// The package's entry: for apps that sign people in, and for APIs that they call.
export { Forbidden, Unauthorized, Unavailable } from './errors.ts'
export type { ProviderOptions } from './provider.ts'
export {
  type Bearing,
  type Caller,
  type Revocations,
  refusal,
  type Verifier,
  type VerifierOptions,
  verifier,
} from './verify.ts'
