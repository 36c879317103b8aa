// What discovery says (OpenID Connect Discovery §3, RFC 8414; wire contract §2.1): what works, no more and no less.

import type { Project } from '../projects/find.ts'
import type { Origin } from '../projects/origins.ts'
import { acrSupported } from './acr.ts'
import { settingsActionType } from './authorize.ts'
import { claimsSupported } from './claims.ts'
import { proofAlgorithms } from './dpop.ts'
import { grants } from './grants.ts'
import { scopesSupported } from './scopes.ts'

export function discoveryDocument(project: Project, { origin }: Origin): Record<string, unknown> {
  return {
    issuer: origin,
    authorization_endpoint: `${origin}/oauth2/authorize`,
    token_endpoint: `${origin}/oauth2/token`,
    revocation_endpoint: `${origin}/oauth2/revoke`,
    introspection_endpoint: `${origin}/oauth2/introspect`,
    introspection_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    device_authorization_endpoint: `${origin}/oauth2/device_authorization`,
    pushed_authorization_request_endpoint: `${origin}/oauth2/par`,
    require_pushed_authorization_requests: false,
    jwks_uri: `${origin}/oauth2/jwks`,
    userinfo_endpoint: `${origin}/oauth2/userinfo`,
    revocations_endpoint: `${origin}/oauth2/revocations`,
    end_session_endpoint: `${origin}/oauth2/end_session`,
    response_types_supported: ['code', settingsActionType, 'none'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    grant_types_supported: grants.map((grant) => grant.type),
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
    revocation_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
    dpop_signing_alg_values_supported: proofAlgorithms,
    scopes_supported: scopesSupported,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256', 'ES256'],
    acr_values_supported: acrSupported,
    claims_supported: claimsSupported,
    claims_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    prompt_values_supported: ['none', 'login', 'consent', 'select_account', 'create'],
    ui_locales_supported: project.config.localization.supported_languages,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    authorization_response_iss_parameter_supported: true,
  }
}
