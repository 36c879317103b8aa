import { errorAt } from './draw.tsx'
import { missing } from './errors.ts'
import { CodeField } from './fields.tsx'
import { optionOf, type Page } from './page.ts'
import { Button, Form, Lead } from './parts.tsx'
import { Remember, remembered } from './remember.tsx'
import { T } from './sentences.tsx'
import { address } from './visit.ts'
import { beginning, OtherWays } from './ways.tsx'

/** The code that an authenticator app shows. */
export const enterTotp: Page = {
  path: '/authflow/v2/enter_totp',
  draws: (asked) => optionOf(asked, 'authentication_data')?.authentication === 'secondary_totp',
  read: (form) => {
    const code = form.get('x_code').replaceAll(/[\s\u2010-\u2015-]/g, '')
    if (code === '') return { problem: missing('code') }
    return { input: { authentication: 'secondary_totp', code, ...remembered(form) } }
  },
  view: (asked, visit) => {
    const { words } = visit
    const { view } = asked
    const start = beginning(view, visit)
    return {
      title: { k: view.type === 'reauth' ? 'reauth.title' : 'enter_totp.title' },
      back: start && address(visit, start, { q_login_id: view.about.loginId?.value }),
      body: (
        <>
          <Lead>
            <T k="enter_totp.help" />
          </Lead>
          <Form hidden={{ x_action: 'submit' }}>
            <CodeField name="x_code" label={words('code.label')} error={errorAt(visit, 'x_code')} autofocus />
            <Remember asked={asked} visit={visit} />
            <Button>{words('code.submit')}</Button>
          </Form>
          <OtherWays asked={asked} visit={visit} />
        </>
      ),
    }
  },
}
