import { errorAt } from './draw.tsx'
import { missing } from './errors.ts'
import { IdentifierField } from './fields.tsx'
import { optionOf, type Page } from './page.ts'
import { Button, Form, Lead } from './parts.tsx'
import { T } from './sentences.tsx'
import type { Visit } from './visit.ts'
import { OtherWays } from './ways.tsx'

/** Asks where codes shall go; for a second step with a sentence that says what for. */
export function TargetForm({ visit, email, second }: { visit: Visit; email: boolean; second: boolean }) {
  return (
    <>
      {second ? (
        <Lead>
          <T k={email ? 'setup_oob_otp.help_email' : 'setup_oob_otp.help_phone'} />
        </Lead>
      ) : null}
      <Form>
        <IdentifierField
          name="x_target"
          kinds={[email ? 'email' : 'phone']}
          use="sign-up"
          value={visit.carried.typed?.x_target}
          error={errorAt(visit, 'x_target')}
          autofocus
        />
        <Button>{visit.words('common.continue')}</Button>
      </Form>
    </>
  )
}

/** Sets up an address or a number that codes will go to. */
export const setupOobOtp: Page = {
  path: '/authflow/v2/setup_oob_otp',
  draws: (asked) => {
    const option = optionOf(asked, 'create_authenticator_data')
    return option?.authentication.includes('oob_otp') === true && option.target === undefined
  },
  keeps: ['x_target'],
  read: (form, asked) => {
    const authentication = optionOf(asked, 'create_authenticator_data')?.authentication
    const target = form.get('x_target').trim()
    if (target === '') return { problem: missing(authentication?.endsWith('email') ? 'email' : 'phone') }
    return { input: { authentication, target } }
  },
  view: (asked, visit) => {
    const authentication = optionOf(asked, 'create_authenticator_data')?.authentication
    const email = authentication?.endsWith('email') ?? true
    return {
      title: { k: email ? 'setup_oob_otp.title_email' : 'setup_oob_otp.title_phone' },
      body: (
        <>
          <TargetForm visit={visit} email={email} second={authentication?.startsWith('secondary_') ?? false} />
          <OtherWays asked={asked} visit={visit} />
        </>
      ),
    }
  },
}
