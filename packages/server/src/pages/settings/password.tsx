// The password of somebody who is signed in. Other sessions end unless the person keeps them.
import { changePassword } from '../../account/password.ts'
import { policyData } from '../../authenticators/password_policy.ts'
import { at } from '../../http/context.ts'
import { Refusal } from '../../refusal.ts'
import { carry } from '../carried.ts'
import { NewPassword } from '../create_password.tsx'
import { draw, errorAt, redirect } from '../draw.tsx'
import { missing } from '../errors.ts'
import { CheckField, IdentifierReadonly, PasswordField } from '../fields.tsx'
import { Button, Form, Hint } from '../parts.tsx'
import { T } from '../sentences.tsx'
import { done, refused, type SettingsPage } from './person.ts'

export const password: SettingsPage = {
  path: '/settings/change_password',
  get(visit, { user }) {
    const { words } = visit
    const held = user.authenticators.some((one) => one.type === 'password' && one.kind === 'primary')
    const { problem } = visit.carried
    const oldIsRight = problem !== undefined && problem.field !== 'x_old_password'
    const loginId = user.identities.find((one) => one.login_id !== null)?.login_id
    return draw(visit, {
      title: { k: held ? 'settings_password.title' : 'settings_password.title_set' },
      back: '/settings',
      leadsTo: visit.request === undefined ? [] : [visit.request.redirectUri],
      body: (
        <Form>
          {loginId ? <IdentifierReadonly value={loginId} /> : null}
          {held ? (
            <PasswordField
              kind="current"
              name="x_old_password"
              label={words('password.current')}
              error={errorAt(visit, 'x_old_password', 'other')}
              autofocus={!oldIsRight}
            />
          ) : null}
          <NewPassword
            visit={visit}
            name="x_new_password"
            label={words('password.new')}
            policy={policyData(at(visit.c).project.config.authenticator.password.policy)}
            autofocus={!held || oldIsRight}
          />
          {held ? (
            <>
              <CheckField
                name="x_keep_others"
                label={words('settings_password.keep_others')}
                checked={visit.carried.typed?.x_keep_others === 'true'}
              />
              <Hint>
                <T k="settings_password.ends_others" />
              </Hint>
            </>
          ) : null}
          <Button>{words(held ? 'settings_password.submit' : 'settings_password.submit_set')}</Button>
        </Form>
      ),
    })
  },
  async post(visit, person, form) {
    const { world, project, caller } = at(visit.c)
    const [next, again] = [form.get('x_new_password'), form.get('x_confirm_password')]
    const here = visit.url.pathname + visit.url.search
    const typed = { x_keep_others: form.get('x_keep_others') }
    if (next === '' || (form.has('x_confirm_password') && again !== '' && again !== next)) {
      const problem =
        next === '' ? missing('password', 'x_new_password') : { reason: 'NewPasswordTypo', field: 'x_confirm_password' }
      carry(visit.c, here, { problem, typed })
      return redirect(visit.c, here)
    }
    try {
      await changePassword(world, project, {
        userId: person.user.id,
        old: form.get('x_old_password'),
        new: next,
        current: person.asking,
        keepOthers: form.get('x_keep_others') === 'true',
        ip: caller.ip,
      })
    } catch (error) {
      if (!(error instanceof Refusal) || error.reason !== 'InvalidCredentials') return refused(visit, error, typed)
      carry(visit.c, here, { problem: { reason: 'current_password', field: 'x_old_password' }, typed })
      return redirect(visit.c, here)
    }
    return done(visit, person, '/settings', { k: 'settings_password.done' })
  },
}
