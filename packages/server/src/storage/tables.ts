// Row types: what the migrations add up to.
import type { ColumnType, Generated } from 'kysely'

type Json<T> = ColumnType<T, string, string>
/** An insert or update sends text; a read gives the parsed value. */
export type JsonObject = Record<string, unknown>

type InstanceTable = { name: string; value: string }

type ProjectTable = {
  id: string
  version: number
  config: string
  secrets: string
  created_at: Date
  updated_at: Date
}
type ProjectHostTable = { host: string; project_id: string; origin: string; development: Generated<boolean> }
type MacKeyTable = { project_id: string; id: number; secret: string; created_at: Date; retired_at: Date | null }
type SigningKeyTable = {
  project_id: string
  id: string
  algorithm: string
  private_key: string
  public_key: Json<JsonObject>
  created_at: Date
  signs_from: Date
}

type EventTable = {
  project_id: string
  id: string
  day: Generated<Date>
  xid: Generated<string>
  at: Date
  kind: string
  payload: Json<JsonObject>
}
type EventReaderTable = { name: string; system: string; snapshot: string }
type EventEffectTable = { project_id: string; event_id: string; target: string; done_at: Date }

type EndUserTable = {
  project_id: string
  id: string
  created_at: Date
  updated_at: Date
  last_login_at: Date | null
  is_disabled: Generated<boolean>
  disable_reason: string | null
  is_deactivated: Generated<boolean>
  temporarily_disabled_from: Date | null
  temporarily_disabled_until: Date | null
  account_valid_from: Date | null
  account_valid_until: Date | null
  delete_at: Date | null
  delete_reason: string | null
  anonymize_at: Date | null
  anonymized_at: Date | null
  mfa_grace_period_end_at: ColumnType<Date | null, Date | null | undefined, Date | null>
  standard_attributes: ColumnType<JsonObject, string | undefined, string>
  custom_attributes: ColumnType<JsonObject, string | undefined, string>
}
type IdentityTable = {
  project_id: string
  id: string
  user_id: string
  type: string
  unique_key: string
  login_id_key: string | null
  login_id_type: string | null
  login_id: string | null
  original_login_id: string | null
  claims: ColumnType<JsonObject, string | undefined, string>
  data: ColumnType<JsonObject, string | undefined, string>
  created_at: Date
  updated_at: Date
}
type AuthenticatorTable = {
  project_id: string
  id: string
  user_id: string
  type: string
  kind: string
  is_default: boolean
  target: string | null
  secret: string | null
  data: ColumnType<JsonObject, string | undefined, string>
  created_at: Date
  updated_at: Date
}
type PasswordHistoryTable = { project_id: string; id: string; user_id: string; secret: string; created_at: Date }
type VerifiedClaimTable = { project_id: string; user_id: string; name: string; value: string; created_at: Date }
type UserRoleTable = { project_id: string; user_id: string; role_key: string }

type IdpSessionTable = {
  project_id: string
  id: Buffer
  user_id: string
  origin: string
  auth_time: Date
  amr: string[]
  created_at: Date
  created_ip: string
  last_access_at: Date
  last_access_ip: string
  user_agent: string
  ended_at: Date | null
  end_reason: string | null
}
type AuthorizationRecordTable = {
  project_id: string
  id: string
  user_id: string
  client_id: string
  scopes: string[]
  created_at: Date
  updated_at: Date
}
type OfflineGrantTable = {
  project_id: string
  id: Buffer
  user_id: string
  kind: string
  client_id: string
  authorization_id: string | null
  idp_session_id: Buffer | null
  sso: boolean
  origin: string
  scopes: string[]
  auth_time: Date
  amr: string[]
  created_at: Date
  created_ip: string
  last_access_at: Date
  last_access_ip: string
  user_agent: string
  device_info: ColumnType<JsonObject | null, string | null, string | null>
  userinfo_claims: ColumnType<JsonObject | null, string | null, string | null>
  has_refresh_token: boolean
  generation: number
  seen_generation: number
  key_ids: number[]
  rotated_at: Date[]
  last_issued_exp: Date | null
  dpop_jkt: string | null
  key_holder: string | null
  app2app_key: ColumnType<JsonObject | null, string | null, string | null>
  device_secret: Buffer | null
  ended_at: Date | null
  end_reason: string | null
}
type SessionCookieTable = { project_id: string; id: Buffer; idp_session_id: Buffer; origin: string; created_at: Date }
type LogoutDeliveryTable = {
  project_id: string
  event_id: string
  grant_id: Buffer
  client_id: string
  user_id: string
  origin: string
  state: string
  attempts: number
  last_answer: string | null
  created_at: Date
  updated_at: Date
  hand_at: Date | null
}
type AcmeAccountTable = { directory: string; private_key: string; url: string | null; created_at: Date }
type AcmeChallengeTable = { token: string; name: string; answer: string; expires_at: Date }
type CertificateTable = {
  name: string
  chain: string | null
  private_key: string | null
  not_after: Date | null
  renew_at: Date | null
  ordering_until: Date | null
  failures: number
  retry_at: Date | null
  last_error: string | null
  updated_at: Date
}
type DomainTable = { project_id: string; name: string; token: string; created_at: Date; proved_at: Date | null }
type AppSessionTable = { project_id: string; id: Buffer; grant_id: Buffer; created_at: Date }
type RevokedTokenTable = { project_id: string; id: string; expires_at: Date }

type OAuthRequestTable = {
  project_id: string
  id: Buffer
  client_id: string
  origin: string
  pushed: boolean
  request: Json<JsonObject>
  created_at: Date
  expires_at: Date
}
type AuthenticationResultTable = {
  project_id: string
  id: Buffer
  oauth_request_id: Buffer | null
  user_id: string
  idp_session_id: Buffer | null
  grant_id: Buffer | null
  auth_time: Date
  amr: string[]
  browser: Buffer | null
  expires_at: Date
  used_at: Date | null
}
type AuthorizationCodeTable = {
  project_id: string
  id: Buffer
  kind: string
  client_id: string
  redirect_uri: string
  origin: string
  user_id: string
  authorization_id: string | null
  idp_session_id: Buffer | null
  sso: boolean
  refreshed_grant_id: Buffer | null
  scopes: string[]
  nonce: string | null
  code_challenge: string | null
  dpop_jkt: string | null
  auth_time: Date
  amr: string[]
  request: Json<JsonObject>
  created_at: Date
  expires_at: Date
  used_at: Date | null
  grant_id: Buffer | null
  /** The access token that a re-authentication earned. */
  token_id: string | null
  token_expires_at: Date | null
}
type OneTimeTokenTable = {
  project_id: string
  kind: string
  id: Buffer
  data: Json<JsonObject>
  expires_at: Date
  used_at: Date | null
}
type ReplayTable = { project_id: string; id: string; expires_at: Date }
type DeviceAuthorizationTable = {
  project_id: string
  id: Buffer
  user_code: string
  client_id: string
  origin: string
  scopes: string[]
  status: string
  user_id: string | null
  authorization_id: string | null
  auth_time: Date | null
  amr: string[] | null
  interval_seconds: number
  polled_at: Date | null
  created_at: Date
  expires_at: Date
}

type FlowTable = {
  project_id: string
  id: Buffer
  type: string
  name: string
  config_version: number
  definition: Json<JsonObject>
  browser: Buffer | null
  oauth_request_id: Buffer | null
  context: Json<JsonObject>
  result: ColumnType<JsonObject | null, string | null, string | null>
  finished_at: Date | null
  created_at: Date
  expires_at: Date
}
type FlowStateTable = {
  project_id: string
  id: Buffer
  flow_id: Buffer
  facts: ColumnType<unknown[], string, string>
  created_at: Date
}
type OtpCodeTable = {
  project_id: string
  purpose: string
  target: string
  id: Buffer
  form: string
  code_hash: Buffer
  channel: string
  user_id: string | null
  data: Json<JsonObject>
  failed_attempts: Generated<number>
  sent_at: Date
  expires_at: Date
  used_at: Date | null
  delivery: string
  delivery_error: string | null
}
type RecoveryCodeSetTable = {
  project_id: string
  user_id: string
  key: string
  codes: string | null
  created_at: Date
}
type RecoveryCodeTable = {
  project_id: string
  user_id: string
  hash: Buffer
  used_at: Date | null
  spent_by: string | null
}
type DeviceTokenTable = { project_id: string; id: Buffer; user_id: string; created_at: Date; expires_at: Date }
type LockoutTable = {
  project_id: string
  user_id: string
  address: string
  failures: number
  shares: Json<JsonObject>
  locked_until: Date | null
  expires_at: Date
}
type RateBucketTable = { project_id: string; key: string; arrival: Date }

export type Tables = {
  instance: InstanceTable
  project: ProjectTable
  project_host: ProjectHostTable
  mac_key: MacKeyTable
  signing_key: SigningKeyTable
  event: EventTable
  event_reader: EventReaderTable
  event_effect: EventEffectTable
  end_user: EndUserTable
  identity: IdentityTable
  authenticator: AuthenticatorTable
  password_history: PasswordHistoryTable
  verified_claim: VerifiedClaimTable
  user_role: UserRoleTable
  idp_session: IdpSessionTable
  authorization_record: AuthorizationRecordTable
  offline_grant: OfflineGrantTable
  session_cookie: SessionCookieTable
  logout_delivery: LogoutDeliveryTable
  acme_account: AcmeAccountTable
  acme_challenge: AcmeChallengeTable
  certificate: CertificateTable
  domain: DomainTable
  app_session: AppSessionTable
  revoked_token: RevokedTokenTable
  oauth_request: OAuthRequestTable
  authentication_result: AuthenticationResultTable
  authorization_code: AuthorizationCodeTable
  one_time_token: OneTimeTokenTable
  replay: ReplayTable
  device_authorization: DeviceAuthorizationTable
  flow: FlowTable
  flow_state: FlowStateTable
  otp_code: OtpCodeTable
  rate_bucket: RateBucketTable
  recovery_code_set: RecoveryCodeSetTable
  recovery_code: RecoveryCodeTable
  device_token: DeviceTokenTable
  lockout: LockoutTable
}
