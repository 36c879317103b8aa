// Recovery codes, shown once: whoever has seen them says so.
import { z } from 'zod'
import type { StepConfig } from '../config.ts'
import { factAt } from '../run.ts'
import type { StepRules } from '../step.ts'

type ViewRecoveryCode = Extract<StepConfig, { type: 'view_recovery_code' }>

export const viewRecoveryCode: StepRules<ViewRecoveryCode> = {
  ask(place, run) {
    if (!run.flow.terms.recoveryCodes) return undefined
    const made = factAt(run, place.at, 'recovery_codes')
    if (made === undefined) return { kind: 'errand', at: place.at, errand: 'make_recovery_codes' }
    if (factAt(run, place.at, 'confirmed') !== undefined) return undefined
    return {
      kind: 'question',
      at: place.at,
      step: 'view_recovery_code',
      stage: 'confirm',
      flow: place.flow,
      data: { type: 'view_recovery_code_data' },
      sealed: made.sealed,
    }
  },
  accepts: () => z.object({ confirm_recovery_code: z.literal(true) }),
  check: async (_tools, _question, place) => [{ at: place.at, kind: 'confirmed' }],
}
