// Every kind of step, in no order that matters: a flow's definition says which come when.
import type { StepConfig } from './config.ts'
import type { StepRules } from './step.ts'
import { authenticate } from './steps/authenticate.ts'
import { changePassword } from './steps/change_password.ts'
import { checkAccountStatus } from './steps/check_account_status.ts'
import { createAuthenticator } from './steps/create_authenticator.ts'
import { fillInUserProfile } from './steps/fill_in_user_profile.ts'
import { identify } from './steps/identify.ts'
import { resetPassword } from './steps/reset_password.ts'
import { selectDestination } from './steps/select_destination.ts'
import { terminateOtherSessions } from './steps/terminate_other_sessions.ts'
import { verify } from './steps/verify.ts'
import { verifyAccountRecoveryCode } from './steps/verify_account_recovery_code.ts'
import { viewRecoveryCode } from './steps/view_recovery_code.ts'

const steps = {
  identify,
  create_authenticator: createAuthenticator,
  verify,
  authenticate,
  check_account_status: checkAccountStatus,
  terminate_other_sessions: terminateOtherSessions,
  change_password: changePassword,
  select_destination: selectDestination,
  verify_account_recovery_code: verifyAccountRecoveryCode,
  reset_password: resetPassword,
  fill_in_user_profile: fillInUserProfile,
  view_recovery_code: viewRecoveryCode,
} as const

/** The rules of a step; undefined for kinds that ask for nothing yet (passkeys). */
export function rulesOf(type: StepConfig['type']): StepRules<never> | undefined {
  return (steps as Partial<Record<StepConfig['type'], StepRules<never>>>)[type]
}
