// The link of a sign-in mail. Opening it says what it would do; the button says yes. The device that waits goes on, this
// one is signed in to nothing.

import { at } from '../http/context.ts'
import type { Words } from '../localization/words.ts'
import { approveLink, denyLink, findLink } from '../messaging/codes.ts'
import { deviceName } from '../messaging/send.ts'
import { draw, redirect } from './draw.tsx'
import { fail } from './failures.tsx'
import type { Form as Fields } from './page.ts'
import { Button, Buttons, Emblem, Form, Lead } from './parts.tsx'
import { T } from './sentences.tsx'
import { address, type Visit } from './visit.ts'

export const verifyLoginLinkPath = '/authflow/v2/verify_login_link'

function spent(visit: Visit): Response {
  return fail(visit, {
    title: { k: 'page_error.login_link_spent.title' },
    texts: [{ k: 'page_error.login_link_spent.text' }],
    icon: 'link',
    tone: 'info',
    action: { k: 'common.sign_in', href: '/login' },
  })
}

/** The browser that asked for the link, as the code's row remembers it. */
async function askedFrom(data: Record<string, unknown>, words: Words): Promise<string | undefined> {
  const asked = data.asked as { user_agent?: unknown } | undefined
  return typeof asked?.user_agent === 'string' ? deviceName(asked.user_agent, words) : undefined
}

export async function drawLoginLink(visit: Visit): Promise<Response> {
  const { node, project } = at(visit.c)
  const { searchParams } = visit.url
  const ended = searchParams.get('q_done')
  if (ended === 'approved' || ended === 'denied')
    return draw(visit, {
      title: { k: `approve_link.${ended === 'approved' ? 'done' : 'denied'}_title` },
      emblem: <Emblem icon={ended === 'approved' ? 'check' : 'shield'} tone={ended === 'approved' ? 'ok' : 'info'} />,
      body: (
        <Lead>
          <T k={`approve_link.${ended === 'approved' ? 'done' : 'denied'}`} />
        </Lead>
      ),
    })
  const code = searchParams.get('code') ?? ''
  const link = await findLink(node, project, 'oob-otp', code)
  if (link === undefined || (link.state !== 'open' && link.state !== 'approved')) return spent(visit)
  const device = (await askedFrom(link.data, visit.words)) ?? visit.words('devices.unknown')
  return draw(visit, {
    title: { k: 'approve_link.title' },
    emblem: <Emblem icon="laptop" />,
    body: (
      <>
        <Lead>
          <T k="approve_link.ask" vars={{ device }} />
        </Lead>
        <Form hidden={{ x_oob_otp_code: code }}>
          <Buttons>
            <Button>{visit.words('approve_link.submit')}</Button>
            <Button kind="secondary" name="x_action" value="deny">
              {visit.words('approve_link.deny')}
            </Button>
          </Buttons>
        </Form>
      </>
    ),
  })
}

export async function takeLoginLink(visit: Visit, form: Fields): Promise<Response> {
  const { node, project } = at(visit.c)
  const code = form.get('x_oob_otp_code') || (visit.url.searchParams.get('code') ?? '')
  if (form.get('x_action') === 'deny') {
    await denyLink(node, project, code)
    return redirect(visit.c, address(visit, verifyLoginLinkPath, { q_done: 'denied' }))
  }
  if (!(await approveLink(node, project, code))) return spent(visit)
  return redirect(visit.c, address(visit, verifyLoginLinkPath, { q_done: 'approved' }))
}
