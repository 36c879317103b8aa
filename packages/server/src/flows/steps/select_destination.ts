// Where the way back in is sent. Unless the flow says otherwise, nothing here tells whether there is an account.
import { z } from 'zod'
import { mask } from '../../identities/login_id.ts'
import type { RecoveryChannel, StepConfig } from '../config.ts'
import { factAt, loginIdOfRun, type Place, type Run, userOf } from '../run.ts'
import type { StepRules } from '../step.ts'
import type { DestinationOption } from '../turn.ts'

type SelectDestination = Extract<StepConfig, { type: 'select_destination' }>
type Option = DestinationOption & { target: string }

function optionsOf(place: Place<SelectDestination>, run: Run): Option[] {
  const { allowed_channels, enumerate_destinations } = place.config
  const loginId = loginIdOfRun(run)
  const user = userOf(run)
  if (loginId === undefined) return []
  const fits = (channel: RecoveryChannel['channel'], type: string) =>
    channel === 'email' ? type === 'email' : type === 'phone'
  const options = (type: 'email' | 'phone', target: string) =>
    allowed_channels
      .filter(({ channel }) => fits(channel, type))
      .map(({ channel, otp_form }): Option => ({ masked_display_name: mask(type, target), channel, otp_form, target }))
  if (enumerate_destinations && user !== undefined)
    return user.loginIds.flatMap(({ type, value }) => (type === 'username' ? [] : options(type, value)))
  if (loginId.type !== 'username') return options(loginId.type, loginId.value)
  // A username reaches what its owner has; what that is stays unsaid, and so does whether there is an owner.
  return allowed_channels.map(({ channel, otp_form }) => {
    const reached = user?.loginIds.find((one) => fits(channel, one.type))
    return {
      masked_display_name: loginId.value,
      channel,
      otp_form,
      target: reached?.value ?? `username:${loginId.value}`,
    }
  })
}

export const selectDestination: StepRules<SelectDestination> = {
  ask(place, run) {
    if (factAt(run, place.at, 'destination') !== undefined) return undefined
    const options = optionsOf(place, run).map(({ target: _, ...option }) => option)
    return {
      kind: 'question',
      at: place.at,
      step: 'select_destination',
      stage: 'choose',
      flow: place.flow,
      data: { type: 'account_recovery_select_destination_data', options },
    }
  },

  accepts(_question, place, run) {
    const count = optionsOf(place, run).length
    return z.object({
      index: z
        .int()
        .min(0)
        .max(count - 1),
    })
  },

  async check(tools, _question, place, input: { index: number }) {
    const option = optionsOf(place, tools.run)[input.index]
    if (option === undefined) throw new Error('a destination that was not offered')
    const { target, channel, otp_form: form, masked_display_name: masked } = option
    return [{ at: place.at, kind: 'destination', target, channel, form, masked }]
  },
}
