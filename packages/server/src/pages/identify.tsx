// Who are you? Sign-in, sign-up and the promotion of a guest ask it with one field.
import type { FlowView } from '../flows/answer.ts'
import { at } from '../http/context.ts'
import type { LoginIdType } from '../identities/config.ts'
import type { OAuthRequest } from '../oauth/request.ts'
import { errorAt } from './draw.tsx'
import { missing } from './errors.ts'
import { IdentifierField } from './fields.tsx'
import { loginIdKind } from './identification.ts'
import { dataOf, type Page } from './page.ts'
import { Alternatives, Button, Form, Lead } from './parts.tsx'
import { T } from './sentences.tsx'
import { address, type Visit } from './visit.ts'

function kindsOf(view: FlowView): LoginIdType[] {
  const options = dataOf(view, 'identification_data')?.options ?? []
  return options.flatMap(({ identification }) =>
    identification === 'email' || identification === 'phone' || identification === 'username' ? [identification] : [],
  )
}

function hinted(request: OAuthRequest | undefined): string | undefined {
  const hint = request?.loginHint
  if (hint?.type === 'text') return hint.text
  return hint?.type === 'login_id' ? (hint.email ?? hint.phone ?? hint.username) : undefined
}

/** What stands in the field when the page opens. */
function prefilled(visit: Visit): string | undefined {
  return visit.carried.typed?.x_login_id ?? visit.url.searchParams.get('q_login_id') ?? hinted(visit.request)
}

const read: Page['read'] = (form, asked) => {
  const kinds = kindsOf(asked.view)
  const text = form.get('x_login_id').trim()
  const [first, ...others] = kinds
  if (text === '') return { problem: missing(others.length === 0 ? (first ?? 'identifier') : 'identifier') }
  const identification = loginIdKind(text, kinds, form.get('x_login_id_input_type'))
  return { input: { identification, login_id: text } }
}

function LoginIdForm({ view, visit, use }: { view: FlowView; visit: Visit; use: 'sign-in' | 'sign-up' }) {
  const kinds = kindsOf(view)
  const hint = visit.request?.loginHint
  if (kinds.length === 0) return null
  return (
    <Form hidden={{ x_action: 'login_id' }}>
      <IdentifierField
        name="x_login_id"
        kinds={kinds}
        use={use}
        value={prefilled(visit)}
        readonly={hint?.type === 'login_id' && hint.enforce}
        error={errorAt(visit, 'x_login_id')}
        autofocus
      />
      <Button>{visit.words('login.submit')}</Button>
    </Form>
  )
}

function LinkTo({ k, to, visit }: { k: string; to: string; visit: Visit }) {
  return <T k={k} tags={{ link: (inner) => <a href={address(visit, to)}>{inner}</a> }} />
}

export const login: Page = {
  path: '/login',
  begins: ({ c }) => {
    const { ui, authentication } = at(c).project.config
    return ui.signup_login_flow_enabled && !authentication.public_signup_disabled ? 'signup_login' : 'login'
  },
  draws: ({ view }) => (view.type === 'login' || view.type === 'signup_login') && kindsOf(view).length > 0,
  keeps: ['x_login_id'],
  read,
  view: ({ view }, visit) => {
    const both = view.type === 'signup_login'
    const closed = at(visit.c).project.config.authentication.public_signup_disabled
    return {
      title: { k: both ? 'signup_login.title' : 'login.title', vars: { app: visit.site.name } },
      body: (
        <>
          {both ? (
            <Lead>
              <T k="signup_login.help" />
            </Lead>
          ) : null}
          {LoginIdForm({ view, visit, use: 'sign-in' })}
          <Alternatives>
            {both || closed ? null : <LinkTo k="login.new_here" to="/signup" visit={visit} />}
          </Alternatives>
        </>
      ),
    }
  },
}

export const signup: Page = {
  path: '/signup',
  begins: () => 'signup',
  draws: ({ view }) => view.type === 'signup' && kindsOf(view).length > 0,
  keeps: ['x_login_id'],
  read,
  view: ({ view }, visit) => ({
    title: { k: 'signup.title', vars: { app: visit.site.name } },
    body: (
      <>
        {LoginIdForm({ view, visit, use: 'sign-up' })}
        <Alternatives>
          <LinkTo k="signup.have_account" to="/login" visit={visit} />
        </Alternatives>
      </>
    ),
  }),
}

export const promote: Page = {
  path: '/flows/promote_user',
  begins: () => 'promote',
  draws: ({ view }) => view.type === 'promote' && kindsOf(view).length > 0,
  keeps: ['x_login_id'],
  read,
  view: ({ view }, visit) => ({
    title: { k: 'promote.title' },
    body: (
      <>
        <Lead>
          <T k="promote.help" vars={{ app: visit.site.name }} />
        </Lead>
        {LoginIdForm({ view, visit, use: 'sign-up' })}
        <Alternatives>
          <LinkTo k="promote.have_account" to="/login" visit={visit} />
        </Alternatives>
      </>
    ),
  }),
}
