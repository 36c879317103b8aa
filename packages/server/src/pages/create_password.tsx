import { at } from '../http/context.ts'
import { errorAt } from './draw.tsx'
import { missing, unmetRules } from './errors.ts'
import { IdentifierReadonly, PasswordField, type PasswordPolicy, PolicyList, RepeatField } from './fields.tsx'
import { dataOf, type Form as Fields, optionOf, type Page, type Reading } from './page.ts'
import { Button, Form, Lead } from './parts.tsx'
import { T } from './sentences.tsx'
import { address, type Visit } from './visit.ts'
import { beginning, OtherWays } from './ways.tsx'

/** The new password of a form, typed the same twice; script fills in the second for people who have it. */
export function readNewPassword(
  form: Fields,
  name: string,
  answer: (password: string) => Record<string, unknown>,
): Reading {
  const password = form.get(name)
  if (password === '') return { problem: missing('password') }
  if (form.has('x_confirm_password') && form.get('x_confirm_password') !== password)
    return { problem: { reason: 'NewPasswordTypo', field: 'x_confirm_password' } }
  return { input: answer(password) }
}

/** The fields of a new password, with what it needs. */
export function NewPassword(props: {
  visit: Visit
  name: string
  label: string
  policy: PasswordPolicy
  autofocus?: boolean
}) {
  const { visit, name, label, policy, autofocus = true } = props
  const [error, differs] = [errorAt(visit, name), errorAt(visit, 'x_confirm_password', 'other')]
  return (
    <>
      <PasswordField
        kind="new"
        name={name}
        label={label}
        policy={policy}
        error={error}
        autofocus={autofocus && differs === undefined}
      />
      <PolicyList policy={policy} of={name} unmet={unmetRules(visit.carried.problem)} />
      <RepeatField name="x_confirm_password" of={name} error={differs} />
    </>
  )
}

export const createPassword: Page = {
  path: '/authflow/v2/create_password',
  draws: (asked) => optionOf(asked, 'create_authenticator_data')?.authentication.endsWith('_password') ?? false,
  read: (form, asked) => {
    const authentication = optionOf(asked, 'create_authenticator_data')?.authentication
    return readNewPassword(form, 'x_password', (new_password) => ({ authentication, new_password }))
  },
  view: (asked, visit) => {
    const { view } = asked
    const { words } = visit
    const { loginId } = view.about
    const start = beginning(view, visit)
    const back = start && address(visit, start, { q_login_id: loginId?.value })
    const second = optionOf(asked, 'create_authenticator_data')?.authentication === 'secondary_password'
    const { secondary_authentication_mode } = at(visit.c).project.config.authentication
    const last = view.type === 'signup' && (second || secondary_authentication_mode !== 'required')
    return {
      title: { k: second ? 'create_password.title_two_step' : 'create_password.title' },
      back,
      body: (
        <>
          {second ? (
            <Lead>
              <T k="create_password.help_two_step" />
            </Lead>
          ) : null}
          {loginId ? <IdentifierReadonly value={loginId.value} change={back} /> : null}
          <Form>
            {NewPassword({
              visit,
              name: 'x_password',
              label: words('password.label'),
              policy: optionOf(asked, 'create_authenticator_data')?.password_policy ?? {},
            })}
            <Button>{words(last ? 'create_password.submit' : 'create_password.submit_more')}</Button>
          </Form>
          <OtherWays asked={asked} visit={visit} />
        </>
      ),
    }
  },
}

/** A forced change at sign-in. */
export const changePassword: Page = {
  path: '/authflow/v2/change_password',
  draws: ({ view }) => view.action.type === 'change_password',
  read: (form) => readNewPassword(form, 'x_new_password', (new_password) => ({ new_password })),
  view: ({ view }, visit) => {
    const data = dataOf(view, 'new_password_data')
    return {
      title: { k: 'change_password.title' },
      body: (
        <>
          <Lead>
            <T k={`change_password.${data?.force_change_reason ?? 'policy'}`} />
          </Lead>
          {view.about.loginId ? <IdentifierReadonly value={view.about.loginId.value} /> : null}
          <Form>
            {NewPassword({
              visit,
              name: 'x_new_password',
              label: visit.words('password.new'),
              policy: data?.password_policy ?? {},
            })}
            <Button>{visit.words('change_password.submit')}</Button>
          </Form>
        </>
      ),
    }
  },
}
