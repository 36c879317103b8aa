import { z } from 'zod'
import { Refusal } from '../../refusal.ts'
import { type AttributeValue, attributeProblem, identityAttributes } from '../../users/profile.ts'
import type { StepConfig } from '../config.ts'
import { factAt } from '../run.ts'
import type { StepRules } from '../step.ts'

type FillIn = Extract<StepConfig, { type: 'fill_in_user_profile' }>

export const fillInUserProfile: StepRules<FillIn> = {
  ask(place, run) {
    if (factAt(run, place.at, 'profile') !== undefined) return undefined
    return {
      kind: 'question',
      at: place.at,
      step: 'fill_in_user_profile',
      stage: 'attributes',
      flow: place.flow,
      data: {},
    }
  },

  accepts(_question, place) {
    const pointers = place.config.user_profile.map((attribute) => attribute.pointer) as [string, ...string[]]
    return z.object({ attributes: z.array(z.object({ pointer: z.enum(pointers), value: z.unknown() })).max(100) })
  },

  async check(tools, _question, place, input: { attributes: AttributeValue[] }) {
    const empty = (value: unknown) => value === undefined || value === null || value === ''
    const given = new Map(input.attributes.map((attribute) => [attribute.pointer, attribute.value]))
    const missing = place.config.user_profile
      .filter(({ pointer, required }) => required && empty(given.get(pointer)))
      .map(({ pointer }) => pointer)
    const causes: object[] = input.attributes.flatMap((attribute, index) => {
      const problem = attributeProblem(tools.run.flow.terms.customAttributes, attribute)
      const fixed = (identityAttributes as readonly string[]).includes(attribute.pointer.slice(1))
      const message = fixed ? 'is taken from the login IDs' : problem
      return message === undefined
        ? []
        : [
            {
              location: `/attributes/${index}/value`,
              kind: 'general',
              message,
              details: { pointer: attribute.pointer, msg: message },
            },
          ]
    })
    if (missing.length > 0)
      causes.unshift({
        location: '/attributes',
        kind: 'required',
        message: `${missing.join(', ')} must be given`,
        details: { expected: missing, missing },
      })
    if (causes.length > 0)
      throw new Refusal({
        name: 'Invalid',
        reason: 'ValidationFailed',
        message: 'invalid attributes',
        info: { causes },
      })
    return [{ at: place.at, kind: 'profile', attributes: [...given].map(([pointer, value]) => ({ pointer, value })) }]
  },
}
