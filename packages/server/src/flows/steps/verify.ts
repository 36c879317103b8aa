// Is this address theirs? Always by a code, even where sign-in goes by link (authentication §3.4).
import { mask } from '../../identities/login_id.ts'
import { Refusal } from '../../refusal.ts'
import type { StepConfig } from '../config.ts'
import type { Claim } from '../facts.ts'
import { factAt, isVerifiedIn, namedStep, type Place, type Run, userIdOf } from '../run.ts'
import type { StepRules } from '../step.ts'
import { acceptsForCode, askForCode, type CodeInput, checkForCode } from './one_time_code.ts'

type Verify = Extract<StepConfig, { type: 'verify' }>

/** The claim that the target step brought; undefined when it brought none that can be verified. */
function claimOf(place: Place<Verify>, run: Run): Claim | undefined {
  const at = namedStep(run, place.flow, place.config.target_step)
  if (at === undefined) return undefined
  const loginId = factAt(run, at, 'identified')?.loginId
  if (loginId?.type === 'email') return { name: 'email', value: loginId.value }
  if (loginId?.type === 'phone') return { name: 'phone_number', value: loginId.value }
  const made = factAt(run, at, 'created')?.authenticator
  if (made === undefined || !('target' in made)) return undefined
  return { name: made.type === 'oob_otp_sms' ? 'phone_number' : 'email', value: made.target }
}

export const verify: StepRules<Verify> = {
  ask(place, run) {
    const claim = claimOf(place, run)
    if (claim === undefined) return { kind: 'errand', at: place.at, errand: 'refuse', refusal: invalidTarget }
    if (isVerifiedIn(run, claim)) return undefined
    const type = claim.name === 'email' ? 'email' : 'phone'
    return askForCode(place, run, {
      purpose: 'verification',
      message: 'verification',
      reach: { type, target: claim.value, masked: mask(type, claim.value) },
      userId: userIdOf(run),
      form: 'code',
    })
  },

  accepts: (question, _place, _run, input) => acceptsForCode(question, input),

  check(tools, question, place, input: CodeInput) {
    const claim = claimOf(place, tools.run)
    if (claim === undefined) throw new Error('nothing to verify')
    return checkForCode(
      tools,
      question,
      input,
      () => [{ at: place.at, kind: 'verified', claim }],
      () => new Refusal({ name: 'Forbidden', reason: 'InvalidVerificationCode', message: 'invalid verification code' }),
    )
  },
}

export const invalidTarget = {
  name: 'InternalError' as const,
  reason: 'AuthenticationFlowInvalidTargetStep',
  message: 'the target step of this flow does not lead to what this step needs',
}
