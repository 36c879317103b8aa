// An application that allows one session a user says so before the others end.
import { z } from 'zod'
import type { StepConfig } from '../config.ts'
import { factAt, userIdOf } from '../run.ts'
import type { StepRules } from '../step.ts'

type TerminateOtherSessions = Extract<StepConfig, { type: 'terminate_other_sessions' }>

export const terminateOtherSessions: StepRules<TerminateOtherSessions> = {
  ask(place, run) {
    const { oneSession, clientId } = run.flow.context
    const userId = userIdOf(run)
    if (!oneSession || clientId === undefined || userId === undefined) return undefined
    const others = factAt(run, place.at, 'other_sessions')
    if (others === undefined) return { kind: 'errand', at: place.at, errand: 'count_sessions', userId, clientId }
    if (others.count === 0 || factAt(run, place.at, 'confirmed') !== undefined) return undefined
    return {
      kind: 'question',
      at: place.at,
      step: 'terminate_other_sessions',
      stage: 'confirm',
      flow: place.flow,
      data: {},
    }
  },
  accepts: () => z.object({ confirm_terminate_other_sessions: z.literal(true) }),
  check: async (_tools, _question, place) => [{ at: place.at, kind: 'confirmed' }],
}
