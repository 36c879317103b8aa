import { z } from 'zod'
import { choosePassword } from '../../authenticators/password.ts'
import { policyData } from '../../authenticators/password_policy.ts'
import type { StepConfig } from '../config.ts'
import { factAt, factsOf, userIdOf } from '../run.ts'
import type { StepRules } from '../step.ts'
import { invalidTarget } from './verify.ts'

type ResetPassword = Extract<StepConfig, { type: 'reset_password' }>

export const resetPassword: StepRules<ResetPassword> = {
  ask(place, run) {
    if (factAt(run, place.at, 'password_reset') !== undefined) return undefined
    // Whatever else a flow asked, only a code that was sent to the account may lead here.
    if (userIdOf(run) === undefined || factsOf(run, 'recovery_verified').length === 0)
      return { kind: 'errand', at: place.at, errand: 'refuse', refusal: invalidTarget }
    const masked = factsOf(run, 'destination').at(-1)?.masked
    return {
      kind: 'question',
      at: place.at,
      step: 'reset_password',
      stage: 'password',
      flow: place.flow,
      data: {
        type: 'new_password_data',
        password_policy: policyData(run.flow.terms.passwordPolicy),
        ...(masked === undefined ? {} : { masked_target: masked }),
      },
    }
  },

  accepts: () => z.object({ new_password: z.string().min(1), keep_sessions: z.boolean().optional() }),

  async check(tools, _question, place, input: { new_password: string; keep_sessions?: boolean | undefined }) {
    const hash = await choosePassword(tools.node.world, tools.project, {
      password: input.new_password,
      userId: userIdOf(tools.run),
    })
    return [{ at: place.at, kind: 'password_reset', hash, ...(input.keep_sessions ? { keepSessions: true } : {}) }]
  },
}
