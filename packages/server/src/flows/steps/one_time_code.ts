// The part that steps with a one-time code share: choosing a channel, sending, waiting, checking.
import { z } from 'zod'
import {
  type CodeVerdict,
  checkApproved,
  checkCode,
  guessLimitRefusal,
  type Sending,
  sendCode,
} from '../../messaging/codes.ts'
import type { Refusal } from '../../refusal.ts'
import type { Channel, Fact, OtpForm } from '../facts.ts'
import { factAt, factsOf, type Place, type Run } from '../run.ts'
import type { Tools } from '../step.ts'
import type { Authentication, Question, Turn } from '../turn.ts'
import type { Reach } from './factors.ts'

export function channelsFor(reach: Pick<Reach, 'type'>, run: Run): Channel[] {
  return reach.type === 'email' ? ['email'] : run.flow.terms.phoneChannels
}

export type Wanted = Pick<Sending, 'purpose' | 'message'> & {
  reach: Reach
  userId: string | undefined
  form: OtpForm
  authentication?: Authentication
}

/** The channel question, the errand of sending, or the question for the code; which one depends on the facts. */
export function askForCode(place: Place, run: Run, wanted: Wanted): Turn {
  const { reach, form } = wanted
  const channels = channelsFor(reach, run)
  const chosen = factAt(run, place.at, 'channel')?.channel ?? (channels.length === 1 ? channels[0] : undefined)
  const question = {
    kind: 'question' as const,
    at: place.at,
    step: place.config.type,
    flow: place.flow,
    ...(wanted.authentication ? { authentication: wanted.authentication } : {}),
  }
  if (chosen === undefined)
    return {
      ...question,
      stage: 'channel',
      data: { type: 'select_oob_otp_channels_data', channels, masked_claim_value: reach.masked },
    }
  const sending: Sending = {
    purpose: wanted.purpose,
    target: reach.target,
    channel: chosen,
    form,
    ...(wanted.userId === undefined ? {} : { userId: wanted.userId }),
    message: wanted.message,
  }
  if (lastSent(run, place.at)?.sending.channel !== chosen)
    return { kind: 'errand', at: place.at, errand: 'send', sending }
  return {
    ...question,
    stage: 'code',
    data: {
      type: 'verify_oob_otp_data',
      channel: chosen,
      otp_form: form,
      masked_claim_value: reach.masked,
      code_length: form === 'link' ? 32 : 6,
    },
    waitsFor: sending,
  }
}

function lastSent(run: Run, at: string) {
  return factAt(run, at, 'sent')
}

/** Accepts a channel, a code, `check` for a link that was opened elsewhere, or `resend`. */
export function acceptsForCode(question: Question, input: Record<string, unknown>): z.ZodType {
  if (question.data.type === 'select_oob_otp_channels_data')
    return z.object({ channel: z.enum(question.data.channels as [Channel, ...Channel[]]) })
  if (input.resend !== undefined) return z.object({ resend: z.literal(true) })
  if (question.waitsFor?.form === 'link') return z.object({ check: z.literal(true) })
  return z.object({ code: z.string().min(1).max(128) })
}

export type CodeInput = { channel?: Channel; code?: string; check?: true; resend?: true }

export function askerOf(tools: Tools) {
  const { caller, run } = tools
  return {
    ip: caller.caller.ip,
    userAgent: caller.caller.userAgent,
    origin: caller.origin,
    uiLocales: run.flow.context.uiLocales,
    acceptLanguage: caller.acceptLanguage,
  }
}

/**
 * Acts on what `acceptsForCode` let through.
 * @param good facts of a right code.
 * @param refuse the step's words for a wrong one; too many guesses are 429 everywhere.
 */
export async function checkForCode(
  tools: Tools,
  question: Question,
  input: CodeInput,
  good: () => Fact[],
  refuse: (verdict: Exclude<CodeVerdict, 'good' | 'revoked'>) => Refusal,
): Promise<Fact[]> {
  const { node, project, caller, run, spender } = tools
  if (input.channel !== undefined) return [{ at: question.at, kind: 'channel', channel: input.channel }]
  const { waitsFor } = question
  if (waitsFor === undefined) throw new Error(`the question at ${question.at} waits for no code`)
  if (input.resend) {
    await sendCode(node, project, waitsFor, askerOf(tools))
    return [{ at: question.at, kind: 'sent', sending: waitsFor, again: factsOf(run, 'sent').length }]
  }
  const verdict = input.check
    ? await checkApproved(node, project, waitsFor, spender)
    : await checkCode(node, project, waitsFor, input.code ?? '', { ip: caller.caller.ip, spender })
  if (verdict === 'good') return good()
  throw verdict === 'revoked' ? guessLimitRefusal() : refuse(verdict)
}
