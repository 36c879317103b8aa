// The way back in: whose account, where the code or link went, and the new password.
import { at } from '../http/context.ts'
import type { LoginIdType } from '../identities/config.ts'
import { duration } from '../localization/time.ts'
import { NewPassword, readNewPassword } from './create_password.tsx'
import { errorAt } from './draw.tsx'
import { NothingYet, readCode, secondsUntil } from './enter_oob_otp.tsx'
import { missing } from './errors.ts'
import { CheckField, CodeField, IdentifierField } from './fields.tsx'
import { loginIdKind } from './identification.ts'
import { dataOf, type Form as Fields, type Page, type Reading } from './page.ts'
import { Alternatives, Button, Form, Hint, Lead, Resend } from './parts.tsx'
import { T } from './sentences.tsx'
import { address, type Visit } from './visit.ts'

function kindsOf(options: readonly { identification: LoginIdType }[] | undefined): LoginIdType[] {
  return options?.map(({ identification }) => identification) ?? []
}

function BackToSignIn({ visit, loginId }: { visit: Visit; loginId?: string | undefined }) {
  return <a href={address(visit, '/login', { q_login_id: loginId })}>{visit.words('common.back_to_sign_in')}</a>
}

export const forgotPassword: Page = {
  path: '/authflow/v2/forgot_password',
  begins: () => 'account_recovery',
  draws: ({ view }) => dataOf(view, 'account_recovery_identification_data') !== undefined,
  keeps: ['x_login_id'],
  read: (form, { view }) => {
    const kinds = kindsOf(dataOf(view, 'account_recovery_identification_data')?.options)
    const text = form.get('x_login_id').trim()
    if (text === '') return { problem: missing(kinds.length === 1 ? (kinds[0] ?? 'identifier') : 'identifier') }
    return { input: { identification: loginIdKind(text, kinds, form.get('x_login_id_type')), login_id: text } }
  },
  view: ({ view }, visit) => {
    const kinds = kindsOf(dataOf(view, 'account_recovery_identification_data')?.options)
    const { forgot_password } = at(visit.c).project.config.ui
    const links = kinds.every((kind) => kind === 'email' && forgot_password.email[0]?.otp_form === 'link')
    const value = visit.carried.typed?.x_login_id ?? visit.url.searchParams.get('q_login_id') ?? undefined
    return {
      title: { k: 'forgot.title' },
      back: address(visit, '/login', { q_login_id: value }),
      body: (
        <>
          <Lead>
            <T k="forgot.help" />
          </Lead>
          <Form>
            <IdentifierField
              name="x_login_id"
              kinds={kinds}
              value={value}
              error={errorAt(visit, 'x_login_id')}
              autofocus
            />
            <Button>{visit.words(links ? 'forgot.submit_link' : 'common.continue')}</Button>
          </Form>
        </>
      ),
    }
  },
}

/** The link is in the mail; this page only waits. */
export const forgotPasswordLink: Page = {
  path: '/authflow/v2/forgot_password/link/sent',
  draws: ({ view }) => dataOf(view, 'account_recovery_verify_code_data')?.otp_form === 'link',
  read: () => ({ input: { resend: true } }),
  view: (asked, visit) => {
    const data = dataOf(asked.view, 'account_recovery_verify_code_data')
    if (data === undefined) throw new Error('not a recovery that waits')
    const typed = asked.view.about.loginId?.value
    const target = typed ?? data.masked_display_name
    const { valid_periods } = at(visit.c).project.config.forgot_password
    return {
      title: { k: data.channel === 'email' ? 'forgot.sent_title' : 'code.title_sms' },
      back: address(visit, '/authflow/v2/forgot_password', { q_login_id: typed }),
      body: (
        <>
          <Lead>
            <T k="forgot.sent" vars={{ email: target }} />
          </Lead>
          <Lead>
            <T k="forgot.sent_help" vars={{ duration: duration(visit.words.lang, valid_periods.link) }} />
          </Lead>
          <NothingYet channel={data.channel} target={target} />
          <Resend what="link" seconds={secondsUntil(data.can_resend_at, visit.now)} />
          <Alternatives>
            <BackToSignIn visit={visit} loginId={typed} />
          </Alternatives>
        </>
      ),
    }
  },
}

export const forgotPasswordOtp: Page = {
  path: '/authflow/v2/forgot_password/otp',
  draws: ({ view }) => dataOf(view, 'account_recovery_verify_code_data')?.otp_form === 'code',
  read: (form, _, action) =>
    readCode(form.get('x_code'), action, (account_recovery_code) => ({ account_recovery_code })),
  view: ({ view }, visit) => {
    const data = dataOf(view, 'account_recovery_verify_code_data')
    if (data === undefined) throw new Error('not a recovery that waits')
    const typed = view.about.loginId?.value
    const target = typed ?? data.masked_display_name
    return {
      title: { k: `code.title_${data.channel}` },
      back: address(visit, '/authflow/v2/forgot_password', { q_login_id: typed }),
      body: (
        <>
          <Lead>
            <T k="code.maybe_sent" vars={{ target }} />
          </Lead>
          <Form hidden={{ x_action: 'submit' }}>
            <CodeField
              name="x_code"
              label={visit.words('code.label')}
              length={data.code_length}
              error={errorAt(visit, 'x_code')}
              autofocus
            />
            <Button>{visit.words('code.submit')}</Button>
          </Form>
          <NothingYet channel={data.channel} target={target} />
          <Resend seconds={secondsUntil(data.can_resend_at, visit.now)} />
        </>
      ),
    }
  },
}

/** With the code accepted. The link of a mail opens the same page without a flow; its form spends the code. */
export const resetPassword: Page = {
  path: '/authflow/v2/reset_password',
  draws: ({ view }) => view.action.type === 'reset_password',
  keeps: ['x_keep_sessions'],
  read: readReset,
  view: ({ view }, visit) => {
    const data = dataOf(view, 'new_password_data')
    return resetForm(visit, data?.password_policy ?? {}, data?.masked_target)
  },
}

/** What the form of a new password says. */
export function readReset(form: Fields): Reading {
  const keep = form.get('x_keep_sessions') === 'true' ? { keep_sessions: true } : {}
  return readNewPassword(form, 'x_password', (new_password) => ({ new_password, ...keep }))
}

export function resetForm(
  visit: Visit,
  policy: NonNullable<Parameters<typeof NewPassword>[0]['policy']>,
  target?: string,
) {
  return {
    title: { k: 'reset.title' },
    body: (
      <>
        {target ? (
          <Lead>
            <T k="common.for" vars={{ target }} />
          </Lead>
        ) : null}
        <Form>
          {NewPassword({ visit, name: 'x_password', label: visit.words('password.new'), policy })}
          <CheckField
            name="x_keep_sessions"
            label={visit.words('reset.keep_sessions')}
            checked={visit.carried.typed?.x_keep_sessions === 'true'}
          />
          <Hint>
            <T k="reset.ends_sessions" />
          </Hint>
          <Button>{visit.words('reset.submit')}</Button>
        </Form>
      </>
    ),
  }
}
