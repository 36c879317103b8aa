// The link of a mail: it opens the form of a new password without a flow, and only sending the form spends the code, so
// that a scanner that opens every link spends none.
import { policyData } from '../authenticators/password_policy.ts'
import { FlowRefusal, submit } from '../flows/answer.ts'
import { at } from '../http/context.ts'
import { findOAuthRequest } from '../oauth/requests.ts'
import { scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import { bindBrowser, cookie, flowCaller } from './browser.ts'
import { carry } from './carried.ts'
import { deadEndAddress } from './dead_end.ts'
import { draw, redirect } from './draw.tsx'
import { problemOf } from './errors.ts'
import { readReset, resetForm, resetPassword } from './forgot_password.tsx'
import type { Form as Fields } from './page.ts'
import { Button, Emblem, Lead } from './parts.tsx'
import { T } from './sentences.tsx'
import { address, type Visit } from './visit.ts'

/** The code of a mailed link, where no flow has taken it yet. */
function codeOf(visit: Visit): string | undefined {
  const { searchParams } = visit.url
  return searchParams.has('x_step') ? undefined : (searchParams.get('code') ?? undefined)
}

export function drawResetLink(visit: Visit): Response | undefined {
  if (codeOf(visit) === undefined) return undefined
  return draw(visit, resetForm(visit, policyData(at(visit.c).project.config.authenticator.password.policy)))
}

export async function takeResetLink(visit: Visit, form: Fields): Promise<Response | undefined> {
  const code = codeOf(visit)
  if (code === undefined) return undefined
  const { c, url } = visit
  const { node, project } = at(c)
  const here = url.pathname + url.search
  const reading = readReset(form)
  const typed = { x_keep_sessions: form.get('x_keep_sessions') }
  if ('problem' in reading) {
    carry(c, here, { problem: reading.problem, typed })
    return redirect(c, here)
  }
  const caller = await flowCaller(c, bindBrowser(c))
  try {
    const accepted = await submit(node, project, undefined, { account_recovery_code: code }, caller)
    await submit(node, project, accepted.stateToken, reading.input, caller)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const problem = problemOf(error)
    // The code is accepted and spent; the password is not, and its form goes on from there.
    if (error instanceof FlowRefusal && error.view.action.type === 'reset_password') {
      const to = address(visit, resetPassword.path, { x_step: error.view.stateToken })
      carry(c, to, { problem, typed })
      return redirect(c, to)
    }
    const end = error.reason === 'PasswordResetFailed' ? deadEndAddress(visit, problem, '/v2/errors/error') : undefined
    if (end === undefined) throw error
    return redirect(c, end)
  }
  return redirect(c, address(visit, '/authflow/v2/reset_password/success'))
}

/** The way on from a new password: sign-in, for the app that the person came from if it still waits. */
export async function resetDone(visit: Visit): Promise<Response> {
  const { world, project } = at(visit.c)
  const ref = visit.request?.ref ?? cookie(visit.c, 'oauth_ui')
  const waits = ref !== undefined && (await findOAuthRequest(scopeOf(world.db, project), ref, visit.now)) !== undefined
  return draw(visit, {
    title: { k: 'reset.done_title' },
    emblem: <Emblem icon="check" tone="ok" />,
    body: (
      <>
        <Lead>
          <T k="reset.done" />
        </Lead>
        <Button href={waits ? `/login?${new URLSearchParams({ x_ref: ref })}` : '/login'}>
          {visit.words('common.sign_in')}
        </Button>
      </>
    ),
  })
}
