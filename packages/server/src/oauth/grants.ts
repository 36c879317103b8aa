// The grants of the token endpoint, in the order in which discovery lists them.
import type { ClientConfig } from '../config/schema.ts'
import type { Caller } from '../http/context.ts'
import type { Node } from '../node.ts'
import type { Project } from '../projects/find.ts'
import type { Origin } from '../projects/origins.ts'
import type { Form } from './client_auth.ts'
import { anonymousRequest } from './grants/anonymous_request.ts'
import { app2appRequest } from './grants/app2app_request.ts'
import { authorizationCode } from './grants/authorization_code.ts'
import { biometricRequest } from './grants/biometric_request.ts'
import { deviceCode } from './grants/device_code.ts'
import { idTokenGrant } from './grants/id_token.ts'
import { refreshTokenGrant } from './grants/refresh_token.ts'
import { settingsActionGrant } from './grants/settings_action.ts'
import { tokenExchange } from './grants/token_exchange.ts'
import type { ProofState } from './proof.ts'

/** What the token endpoint has established before a grant's own checks begin. */
export type TokenRequest = {
  node: Node
  project: Project
  origin: Origin
  caller: Caller
  form: Form
  /** Authenticated. */
  client: ClientConfig
  /** The DPoP proof that came along, checked; for the grant to make something of. */
  proof: ProofState
  /** The raw header, for grants that ask who is signed in. */
  authorization: string | undefined
  cookie: string | undefined
}

export type GrantType = {
  type: string
  /** @returns the JSON answer, or nothing for an empty one. @throws Refusal with an RFC 6749 §5.2 code. */
  exchange(request: TokenRequest): Promise<Record<string, unknown> | undefined>
}

export const grants: readonly GrantType[] = [
  authorizationCode,
  refreshTokenGrant,
  settingsActionGrant,
  anonymousRequest,
  biometricRequest,
  idTokenGrant,
  app2appRequest,
  tokenExchange,
  deviceCode,
]
