import type { Child } from 'hono/jsx'
import { errorAt } from './draw.tsx'
import { missing } from './errors.ts'
import { CodeField, Field } from './fields.tsx'
import { type Asked, optionOf, type Page } from './page.ts'
import { Alternatives, Button, Form } from './parts.tsx'
import { T } from './sentences.tsx'
import { address, type Visit } from './visit.ts'
import { beginning, OtherWays } from './ways.tsx'

/** What the API wants typed for an option: the name of its property. */
function wanted(asked: Asked): 'code' | 'recovery_code' | 'new_password' | 'confirm' {
  const authentication = optionOf(asked, 'authentication_data')?.authentication ?? asked.view.action.authentication
  if (authentication === 'recovery_code') return 'recovery_code'
  if (authentication !== undefined) return 'code'
  return asked.view.action.data.type === 'new_password_data' ? 'new_password' : 'confirm'
}

function field(asked: Asked, visit: Visit): Child {
  const label = visit.words('code.label')
  if (wanted(asked) === 'recovery_code')
    return <Field name="x_recovery_code" label={label} error={errorAt(visit, 'x_recovery_code')} ltr autofocus />
  return <CodeField name="x_code" label={label} error={errorAt(visit, 'x_code')} autofocus />
}

/** A question without a page of its own, drawn from what it says of itself. The last in the list. */
export const question: Page = {
  path: '/authflow/v2/question',
  draws: ({ view }) => view.action.type !== 'finished',
  read: (form, asked) => {
    const authentication = optionOf(asked, 'authentication_data')?.authentication
    const answer = wanted(asked)
    if (answer === 'confirm') return { input: {} }
    const text = form.get(answer === 'recovery_code' ? 'x_recovery_code' : 'x_code').trim()
    if (text === '') return { problem: missing('code') }
    return { input: { ...(authentication ? { authentication } : {}), [answer]: text } }
  },
  view: (asked, visit) => {
    const start = beginning(asked.view, visit)
    return {
      title: { k: 'question.title' },
      back: start && address(visit, start, { q_login_id: asked.view.about.loginId?.value }),
      body: (
        <>
          <Form>
            {wanted(asked) === 'confirm' ? null : field(asked, visit)}
            <Button>{visit.words('common.continue')}</Button>
          </Form>
          <OtherWays asked={asked} visit={visit} />
          {start === undefined ? null : (
            <Alternatives>
              <a href={address(visit, start)}>
                <T k="common.start_again" />
              </a>
            </Alternatives>
          )}
        </>
      ),
    }
  },
}
