import { z } from 'zod'
import type { StepRules } from '../step.ts'

/** For steps that never ask a person. */
export const nothingAccepted: Pick<StepRules, 'accepts' | 'check'> = {
  accepts: () => z.never(),
  check: async () => [],
}
