// The pages of the settings, in the order of their addresses.
import { deleteAccount } from './delete_account.tsx'
import { devices } from './devices.tsx'
import { home } from './home.tsx'
import { language } from './language.tsx'
import { loginIds } from './login_ids.tsx'
import { password } from './password.tsx'
import type { SettingsPage } from './person.ts'
import { profile, profileEditors, profileV2 } from './profile.tsx'
import { twoStep } from './two_step.tsx'
import { twoStepEditors } from './two_step_editors.tsx'

export const settingsPages: readonly SettingsPage[] = [
  home,
  profile,
  profileV2,
  ...profileEditors,
  ...loginIds,
  password,
  ...twoStep,
  ...twoStepEditors,
  devices,
  language,
  deleteAccount,
]
