import { displayName } from '../flows/errands.ts'
import { at } from '../http/context.ts'
import { draw, redirect } from './draw.tsx'
import { browserSession, continueAs } from './entry.ts'
import { pageExpired } from './failures.tsx'
import type { Form as Fields } from './page.ts'
import { Alternatives, Button, Form, Person } from './parts.tsx'
import { address, type Visit } from './visit.ts'

export const selectAccountPath = '/authflow/v2/select_account'

function detailOf(user: {
  standard_attributes: Record<string, unknown>
  identities: { login_id: string | null }[]
}): string | undefined {
  const { email, phone_number } = user.standard_attributes
  const known = [email, phone_number, user.identities.find((one) => one.login_id !== null)?.login_id]
  return known.find((text): text is string => typeof text === 'string')
}

/** «Continue as»: the browser is signed in, and the person says whether the app may know. */
export async function selectAccount(visit: Visit): Promise<Response> {
  const { request } = visit
  if (request === undefined) return pageExpired(visit)
  const session = await browserSession(visit)
  if (session === undefined || !request.browserSession) return redirect(visit.c, address(visit, '/login'))
  const client = at(visit.c).project.clients.get(request.clientId)
  const name = displayName(session.user)
  const detail = detailOf(session.user)
  return draw(visit, {
    title: { k: 'select_account.title', vars: { client: client?.client_name ?? client?.name ?? visit.site.name } },
    body: (
      <>
        <Person name={name} detail={detail} />
        <Form hidden={{ x_action: 'continue', x_user: session.user.id }}>
          <Button>
            {/* An address stands above already, and is too long for a button. */}
            {name === detail ? visit.words('common.continue') : visit.words('select_account.submit', { name })}
          </Button>
        </Form>
        <Alternatives>
          <Form bare hidden={{ x_action: 'login' }}>
            <Button kind="text">{visit.words('select_account.other')}</Button>
          </Form>
        </Alternatives>
      </>
    ),
  })
}

export async function takeAccount(visit: Visit, form: Fields): Promise<Response> {
  if (form.get('x_action') === 'login') return redirect(visit.c, address(visit, '/login'))
  const session = await browserSession(visit)
  if (session === undefined) return redirect(visit.c, address(visit, '/login'))
  // Somebody else signed in meanwhile, in another tab: whoever pressed the button meant the name on it.
  const meant = form.get('x_user')
  if (meant !== '' && meant !== session.user.id) return redirect(visit.c, visit.url.pathname + visit.url.search)
  return continueAs(visit, session)
}
