import type { FlowView } from '../flows/answer.ts'
import type { Channel } from '../flows/facts.ts'
import type { Vars } from '../localization/words.ts'
import { errorAt } from './draw.tsx'
import { missing } from './errors.ts'
import { CodeField } from './fields.tsx'
import { dataOf, type Page, type Reading, unmasked } from './page.ts'
import { Button, Form, Hint, Lead, Notice, Resend } from './parts.tsx'
import { Remember, remembered } from './remember.tsx'
import { T } from './sentences.tsx'
import { address, type Visit } from './visit.ts'
import { beginning, OtherWays } from './ways.tsx'

/** Whole seconds until a moment of the wire; 0 when it is past. */
export function secondsUntil(moment: string, now: Date): number {
  const seconds = (new Date(moment).getTime() - now.getTime()) / 1000
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0
}

/** The message did not leave, or the code is spent: what to know before typing. */
export function CodeTrouble({ failed, delayed, spent }: { failed: boolean; delayed: boolean; spent: boolean }) {
  if (spent)
    return (
      <Notice tone="danger">
        <T k="error.RateLimited.TrackFailedOTPAttemptBucket" />
      </Notice>
    )
  if (failed)
    return (
      <Notice tone="danger">
        <T k="error.message_not_sent" />
      </Notice>
    )
  if (delayed)
    return (
      <Notice tone="warn">
        <T k="error.message_delayed" />
      </Notice>
    )
  return null
}

/** Where to look when nothing comes. */
export function NothingYet({ channel, target }: { channel: Channel; target: string }) {
  return (
    <Hint>
      {channel === 'email' ? <T k="code.nothing_email" vars={{ email: target }} /> : <T k="code.nothing_phone" />}
    </Hint>
  )
}

export function readCode(code: string, action: string, answer: (code: string) => Record<string, unknown>): Reading {
  if (action === 'resend') return { input: { resend: true } }
  const tidy = code.replaceAll(/[\s\u2010-\u2015-]/g, '')
  return tidy === '' ? { problem: missing('code') } : { input: answer(tidy) }
}

/** Where the person corrects the address that the code went to. */
function correction(view: FlowView, visit: Visit): string | undefined {
  const start = beginning(view, visit)
  return start && address(visit, start, { q_login_id: view.about.loginId?.value })
}

export const enterOobOtp: Page = {
  path: '/authflow/v2/enter_oob_otp',
  draws: ({ view }) => dataOf(view, 'verify_oob_otp_data')?.otp_form === 'code',
  read: (form, _, action) => readCode(form.get('x_code'), action, (code) => ({ code, ...remembered(form) })),
  view: (asked, visit) => {
    const { view } = asked
    const { words } = visit
    const data = dataOf(view, 'verify_oob_otp_data')
    if (data === undefined) throw new Error('not a question for a code')
    const target = unmasked(view, data.masked_claim_value)
    const lead: { k: string; vars: Vars } =
      view.action.type === 'verify'
        ? { k: 'code.verify', vars: { target } }
        : { k: 'code.sent', vars: { n: data.code_length, target } }
    const back = correction(view, visit)
    return {
      title: { k: `code.title_${data.channel}` },
      back,
      body: (
        <>
          <Lead>
            <T k={lead.k} vars={lead.vars} />
            {back !== undefined && target === view.about.loginId?.value ? (
              <>
                {' '}
                <a href={back}>{words('common.change')}</a>
              </>
            ) : null}
          </Lead>
          <CodeTrouble
            failed={data.delivery_status === 'failed'}
            delayed={view.about.messageDelayed ?? false}
            spent={data.failed_attempt_rate_limit_exceeded}
          />
          <Form hidden={{ x_action: 'submit' }}>
            <CodeField
              name="x_code"
              label={words('code.label')}
              length={data.code_length}
              error={errorAt(visit, 'x_code')}
              autofocus
            />
            <Remember asked={asked} visit={visit} />
            <Button>{words('code.submit')}</Button>
          </Form>
          <NothingYet channel={data.channel} target={target} />
          <Resend seconds={secondsUntil(data.can_resend_at, visit.now)} />
          <OtherWays asked={asked} visit={visit} />
        </>
      ),
    }
  },
}

/** A link was sent instead of a code; it is opened on any device, and this one then goes on. */
export const oobOtpLink: Page = {
  path: '/authflow/v2/oob_otp_link',
  draws: ({ view }) => dataOf(view, 'verify_oob_otp_data')?.otp_form === 'link',
  read: (form, asked, action) => {
    if (action === 'resend') return { input: { resend: true } }
    if (dataOf(asked.view, 'verify_oob_otp_data')?.can_check === false) return { problem: { reason: 'LinkNotOpened' } }
    return { input: { check: true, ...remembered(form) } }
  },
  view: (asked, visit) => {
    const { view } = asked
    const { words } = visit
    const data = dataOf(view, 'verify_oob_otp_data')
    if (data === undefined) throw new Error('not a question for a link')
    const target = unmasked(view, data.masked_claim_value)
    return {
      title: { k: 'link.title' },
      back: correction(view, visit),
      body: (
        <>
          <Lead>
            <T k="link.sent" vars={{ target }} />
          </Lead>
          <CodeTrouble
            failed={data.delivery_status === 'failed'}
            delayed={view.about.messageDelayed ?? false}
            spent={data.failed_attempt_rate_limit_exceeded}
          />
          <Form hidden={{ x_action: 'check' }} goesOn={data.can_check ? 'now' : 'later'}>
            <Remember asked={asked} visit={visit} />
            <Button>{words('link.check')}</Button>
          </Form>
          <NothingYet channel={data.channel} target={target} />
          <Resend what="link" seconds={secondsUntil(data.can_resend_at, visit.now)} />
          <OtherWays asked={asked} visit={visit} />
        </>
      ),
    }
  },
}
