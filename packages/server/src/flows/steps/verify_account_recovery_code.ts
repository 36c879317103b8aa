// The code, or the link's code, that lets someone choose a new password.
import { z } from 'zod'
import { checkCode, type Sending, sendCode } from '../../messaging/codes.ts'
import { Refusal } from '../../refusal.ts'
import type { StepConfig } from '../config.ts'
import { factAt, factsOf, userIdOf } from '../run.ts'
import type { StepRules } from '../step.ts'
import { askerOf } from './one_time_code.ts'
import { invalidTarget } from './verify.ts'

type VerifyRecovery = Extract<StepConfig, { type: 'verify_account_recovery_code' }>

export const verifyAccountRecoveryCode: StepRules<VerifyRecovery> = {
  ask(place, run) {
    if (factAt(run, place.at, 'recovery_verified') !== undefined) return undefined
    const destination = factsOf(run, 'destination').at(-1)
    if (destination === undefined) return { kind: 'errand', at: place.at, errand: 'refuse', refusal: invalidTarget }
    const userId = userIdOf(run)
    const { target, channel, form, masked } = destination
    const waitsFor: Sending = {
      purpose: 'forgot-password',
      target,
      channel,
      form,
      ...(userId === undefined ? {} : { userId }),
      message: 'forgot-password',
    }
    if (factAt(run, place.at, 'sent') === undefined)
      return { kind: 'errand', at: place.at, errand: 'send', sending: waitsFor }
    return {
      kind: 'question',
      at: place.at,
      step: 'verify_account_recovery_code',
      stage: 'code',
      flow: place.flow,
      data: {
        type: 'account_recovery_verify_code_data',
        masked_display_name: masked,
        channel,
        otp_form: form,
        code_length: form === 'link' ? 32 : 6,
      },
      waitsFor,
    }
  },

  accepts: (_question, _place, _run, input) =>
    input.resend !== undefined
      ? z.object({ resend: z.literal(true) })
      : z.object({ account_recovery_code: z.string().min(1).max(128) }),

  async check(tools, question, place, input: { account_recovery_code?: string; resend?: true }) {
    const { waitsFor } = question
    if (waitsFor === undefined) throw new Error('no code was sent')
    const { node, project, caller, run } = tools
    if (input.resend) {
      await sendCode(node, project, waitsFor, askerOf(tools), recoveryData(tools, waitsFor))
      return [{ at: place.at, kind: 'sent', sending: waitsFor, again: factsOf(run, 'sent').length }]
    }
    const verdict = await checkCode(node, project, waitsFor, input.account_recovery_code ?? '', {
      ip: caller.caller.ip,
    })
    if (verdict === 'good') return [{ at: place.at, kind: 'recovery_verified' }]
    throw recoveryFailed(verdict === 'used' ? 'UsedCode' : 'InvalidCode')
  },
}

/** What goes with a recovery's code: enough for a link to go on from, on any device. A recovery for nobody is thrown away at the end. */
export function recoveryData(tools: Pick<import('../step.ts').Tools, 'run'>, sending: Sending) {
  const { flow, facts } = tools.run
  return {
    data: { flow: flow.name, facts: facts.filter((fact) => fact.kind !== 'sent') },
    ...(sending.userId === undefined || sending.target.startsWith('username:') ? { discard: true } : {}),
  }
}

export function recoveryFailed(cause: 'InvalidCode' | 'UsedCode'): Refusal {
  return new Refusal({
    name: 'Invalid',
    reason: 'PasswordResetFailed',
    message: cause === 'UsedCode' ? 'this code was used already' : 'this code does not count',
    info: { cause: { kind: cause } },
  })
}
