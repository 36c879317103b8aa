import { errorAt } from './draw.tsx'
import { missing } from './errors.ts'
import { CodeField } from './fields.tsx'
import { optionOf, type Page } from './page.ts'
import { Button, Form, Lead } from './parts.tsx'
import { Remember, remembered } from './remember.tsx'
import { T } from './sentences.tsx'
import { address } from './visit.ts'
import { beginning, OtherWays } from './ways.tsx'

/** One of the codes that were kept for the day when the other ways are lost. */
export const enterRecoveryCode: Page = {
  path: '/authflow/v2/enter_recovery_code',
  draws: (asked) => optionOf(asked, 'authentication_data')?.authentication === 'recovery_code',
  read: (form) => {
    const recovery_code = form.get('x_recovery_code').trim()
    if (recovery_code === '') return { problem: missing('recovery_code') }
    return { input: { authentication: 'recovery_code', recovery_code, ...remembered(form) } }
  },
  view: (asked, visit) => {
    const { words } = visit
    const start = beginning(asked.view, visit)
    return {
      title: { k: 'enter_recovery_code.title' },
      back: start && address(visit, start, { q_login_id: asked.view.about.loginId?.value }),
      body: (
        <>
          <Lead>
            <T k="enter_recovery_code.help" />
          </Lead>
          <Form hidden={{ x_action: 'submit' }}>
            <CodeField
              name="x_recovery_code"
              label={words('enter_recovery_code.label')}
              error={errorAt(visit, 'x_recovery_code')}
              length={10}
              letters
              autofocus
            />
            <Remember asked={asked} visit={visit} />
            <Button>{words('code.submit')}</Button>
          </Form>
          <OtherWays asked={asked} visit={visit} />
        </>
      ),
    }
  },
}
