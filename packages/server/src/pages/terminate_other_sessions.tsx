import type { Page } from './page.ts'
import { Button, Buttons, Form, Lead } from './parts.tsx'
import { T } from './sentences.tsx'
import { address } from './visit.ts'

/** The app allows one session for each person, and there is another. */
export const terminateOtherSessions: Page = {
  path: '/authflow/v2/terminate_other_sessions',
  draws: ({ view }) => view.action.type === 'terminate_other_sessions',
  cancels: (visit) => address(visit, '/login'),
  read: () => ({ input: { confirm_terminate_other_sessions: true } }),
  view: (_, visit) => ({
    title: { k: 'terminate.title' },
    body: (
      <>
        <Lead>
          <T k="terminate.help" />
        </Lead>
        <Form hidden={{ x_action: 'confirm' }}>
          <Buttons>
            <Button>{visit.words('terminate.submit')}</Button>
            <Button kind="secondary" href={address(visit, '/login')}>
              {visit.words('common.cancel')}
            </Button>
          </Buttons>
        </Form>
      </>
    ),
  }),
}
