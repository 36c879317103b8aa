// May this account sign in now? Asked after the credentials, so that only its owner hears why not.
import type { StepConfig } from '../config.ts'
import { factAt, userIdOf } from '../run.ts'
import type { StepRules } from '../step.ts'
import { nothingAccepted } from './nothing.ts'

type CheckAccountStatus = Extract<StepConfig, { type: 'check_account_status' }>

export const checkAccountStatus: StepRules<CheckAccountStatus> = {
  ask(place, run) {
    const userId = userIdOf(run)
    if (userId === undefined || factAt(run, place.at, 'status_ok') !== undefined) return undefined
    return { kind: 'errand', at: place.at, errand: 'check_status', userId }
  },
  ...nothingAccepted,
}
