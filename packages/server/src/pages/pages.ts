// The pages, in the order in which they are asked whether a question is theirs. The last one takes what is left.
import { changePassword, createPassword } from './create_password.tsx'
import { enterOobOtp, oobOtpLink } from './enter_oob_otp.tsx'
import { enterPassword } from './enter_password.tsx'
import { enterRecoveryCode } from './enter_recovery_code.tsx'
import { enterTotp } from './enter_totp.tsx'
import { fillInUserProfile } from './fill_in_user_profile.tsx'
import { forgotPassword, forgotPasswordLink, forgotPasswordOtp, resetPassword } from './forgot_password.tsx'
import { login, promote, signup } from './identify.tsx'
import type { Page } from './page.ts'
import { question } from './question.tsx'
import { reauth } from './reauth.ts'
import { setupOobOtp } from './setup_oob_otp.tsx'
import { setupTotp } from './setup_totp.tsx'
import { terminateOtherSessions } from './terminate_other_sessions.tsx'
import { viewRecoveryCode } from './view_recovery_code.tsx'
import { choose } from './ways.tsx'

export const pages: readonly Page[] = [
  login,
  signup,
  promote,
  reauth,
  enterPassword,
  createPassword,
  enterOobOtp,
  oobOtpLink,
  setupOobOtp,
  enterTotp,
  enterRecoveryCode,
  setupTotp,
  viewRecoveryCode,
  changePassword,
  forgotPassword,
  forgotPasswordOtp,
  forgotPasswordLink,
  resetPassword,
  terminateOtherSessions,
  fillInUserProfile,
  choose,
  question,
]
