// A password that no longer meets the policy, or is too old, is changed before the sign-in completes.
import { z } from 'zod'
import { verifyPassword } from '../../authenticators/hashing.ts'
import { choosePassword } from '../../authenticators/password.ts'
import { policyData } from '../../authenticators/password_policy.ts'
import { authenticatorsOf } from '../../authenticators/store.ts'
import { scopeOf } from '../../projects/find.ts'
import { Refusal } from '../../refusal.ts'
import type { StepConfig } from '../config.ts'
import { factAt, namedStep, type Place, type Run, userIdOf } from '../run.ts'
import type { StepRules } from '../step.ts'
import { invalidTarget } from './verify.ts'

type ChangePassword = Extract<StepConfig, { type: 'change_password' }>

function provedAt(place: Place<ChangePassword>, run: Run) {
  const at = namedStep(run, place.flow, place.config.target_step)
  return at === undefined ? 'nowhere' : factAt(run, at, 'authenticated')
}

export const changePassword: StepRules<ChangePassword> = {
  ask(place, run) {
    const proved = provedAt(place, run)
    if (proved === 'nowhere') return { kind: 'errand', at: place.at, errand: 'refuse', refusal: invalidTarget }
    if (proved?.change === undefined || factAt(run, place.at, 'password_changed') !== undefined) return undefined
    return {
      kind: 'question',
      at: place.at,
      step: 'change_password',
      stage: 'password',
      flow: place.flow,
      data: {
        type: 'new_password_data',
        password_policy: policyData(run.flow.terms.passwordPolicy),
        force_change_reason: proved.change,
      },
    }
  },

  accepts: () => z.object({ new_password: z.string().min(1) }),

  async check(tools, _question, place, input: { new_password: string }) {
    const { node, project, run } = tools
    const proved = provedAt(place, run)
    const userId = userIdOf(run)
    if (proved === undefined || proved === 'nowhere' || proved.authenticatorId === undefined || userId === undefined)
      throw new Error('nothing to change')
    const held = (await authenticatorsOf(scopeOf(node.world.db, project), userId)).find(
      (one) => one.id === proved.authenticatorId,
    )
    if (
      proved.change === 'expiry' &&
      input.new_password.length <= 1024 &&
      (await verifyPassword(input.new_password, held?.secret ?? undefined))
    )
      throw new Refusal({
        name: 'Invalid',
        reason: 'ChangePasswordFailed',
        message: 'the new password is the old one',
        info: { cause: { kind: 'PasswordReused' } },
      })
    const hash = await choosePassword(node.world, project, { password: input.new_password, userId })
    return [{ at: place.at, kind: 'password_changed', authenticatorId: proved.authenticatorId, hash }]
  },
}
