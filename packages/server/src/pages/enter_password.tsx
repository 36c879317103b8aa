import { at } from '../http/context.ts'
import { errorAt } from './draw.tsx'
import { missing } from './errors.ts'
import { IdentifierReadonly, PasswordField } from './fields.tsx'
import { optionOf, type Page } from './page.ts'
import { Button, Form, Lead } from './parts.tsx'
import { Remember, remembered } from './remember.tsx'
import { T } from './sentences.tsx'
import { address } from './visit.ts'
import { beginning, OtherWays } from './ways.tsx'

/** Draws one option of a question, reads one form. */
export const enterPassword: Page = {
  path: '/authflow/v2/enter_password',
  draws: (asked) => optionOf(asked, 'authentication_data')?.authentication.endsWith('_password') ?? false,
  read: (form, asked) => {
    const password = form.get('x_password')
    if (password === '') return { problem: missing('password') }
    const authentication = optionOf(asked, 'authentication_data')?.authentication
    return { input: { authentication, password, ...remembered(form) } }
  },
  view: (asked, visit) => {
    const { view } = asked
    const { words } = visit
    const { config } = at(visit.c).project
    const second = optionOf(asked, 'authentication_data')?.authentication === 'secondary_password'
    const reauth = view.type === 'reauth'
    const { loginId, account } = view.about
    const who = loginId?.value ?? account?.loginIds[0]?.value
    const canReset = !second && !reauth && config.forgot_password.enabled
    const start = beginning(view, visit)
    return {
      title: { k: reauth ? 'reauth.title' : second ? 'enter_password.title_two_step' : 'enter_password.title' },
      back: start && address(visit, start, { q_login_id: loginId?.value }),
      body: (
        <>
          {reauth ? (
            <Lead>
              {account === undefined || account.name === who ? (
                <T k="reauth.help_code" />
              ) : (
                <T k="reauth.help" vars={{ name: account.name }} />
              )}
            </Lead>
          ) : null}
          {who ? <IdentifierReadonly value={who} change={start && address(visit, start, { q_login_id: who })} /> : null}
          <Form>
            <PasswordField
              kind="current"
              name="x_password"
              label={words('password.label')}
              error={errorAt(visit, 'x_password')}
              autofocus
            />
            <Remember asked={asked} visit={visit} />
            <Button>{words(reauth ? 'common.confirm' : 'enter_password.submit')}</Button>
          </Form>
          <OtherWays
            asked={asked}
            visit={visit}
            before={
              canReset ? (
                <a href={address(visit, '/authflow/v2/forgot_password', { q_login_id: loginId?.value })}>
                  {words('enter_password.forgot')}
                </a>
              ) : null
            }
          />
        </>
      ),
    }
  },
}
