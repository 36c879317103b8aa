/** `authgear.yaml`, one line per section. Each section is described in its own room. Reference: authentication §2. */
import { z } from 'zod'
import {
  AuthenticationConfig,
  AuthenticatorConfig,
  ForgotPasswordConfig,
  VerificationConfig,
} from '../authenticators/config.ts'
import { AuthenticationFlowConfig } from '../flows/config.ts'
import { AccountLinkingConfig, ExternalJwtConfig, IdentityConfig, settleAccountLinking } from '../identities/config.ts'
import { BotProtectionConfig, FraudProtectionConfig, NetworkProtectionConfig } from '../limits/config.ts'
import { MessagingConfig, TestModeConfig } from '../messaging/config.ts'
import { OAuthConfig } from '../oauth/config.ts'
import { UiConfig } from '../pages/config.ts'
import {
  DeadSection,
  GoogleTagManagerConfig,
  HookConfig,
  HttpConfig,
  LocalizationConfig,
  ProjectId,
  SearchConfig,
  UsageConfig,
} from '../projects/config.ts'
import { SamlConfig } from '../saml/config.ts'
import { SessionConfig } from '../sessions/config.ts'
import {
  AccountAnonymizationConfig,
  AccountDeletionConfig,
  AccountMigrationConfig,
  UserProfileConfig,
} from '../users/config.ts'

/** Every section by itself, before the defaults that one takes from another. */
export const Sections = z.strictObject({
  id: ProjectId,
  http: HttpConfig,
  localization: LocalizationConfig,
  session: SessionConfig,
  oauth: OAuthConfig,
  authentication: AuthenticationConfig,
  identity: IdentityConfig,
  authenticator: AuthenticatorConfig,
  verification: VerificationConfig,
  forgot_password: ForgotPasswordConfig,
  authentication_flow: AuthenticationFlowConfig,
  account_linking: AccountLinkingConfig,
  user_profile: UserProfileConfig,
  account_deletion: AccountDeletionConfig,
  account_anonymization: AccountAnonymizationConfig,
  account_migration: AccountMigrationConfig,
  external_jwt: ExternalJwtConfig,
  ui: UiConfig,
  messaging: MessagingConfig,
  test_mode: TestModeConfig,
  bot_protection: BotProtectionConfig,
  network_protection: NetworkProtectionConfig,
  fraud_protection: FraudProtectionConfig,
  hook: HookConfig,
  search: SearchConfig,
  usage: UsageConfig,
  saml: SamlConfig,
  google_tag_manager: GoogleTagManagerConfig,
  captcha: DeadSection,
  otp: DeadSection,
  web3: DeadSection,
  welcome_message: DeadSection,
})

/** A whole configuration: every key that has a default is there, durations are seconds, deprecated keys are folded in. */
export const ConfigSchema = Sections.transform((config) => ({
  ...config,
  account_linking: settleAccountLinking(config.account_linking, config.identity),
}))
export type Config = z.output<typeof ConfigSchema>

export type { ClientConfig } from '../oauth/config.ts'
