// Where people type the code that a device shows (RFC 8628 §3.3), and where they come back to when they have decided.
import { at } from '../http/context.ts'
import { throughHub } from '../oauth/carry.ts'
import { devicePath, requestOfDevice } from '../oauth/device.ts'
import { resumePath } from '../oauth/request.ts'
import { draw, errorAt, redirect } from './draw.tsx'
import { browserSession } from './entry.ts'
import { missing } from './errors.ts'
import { featureDisabled } from './failures.tsx'
import { CodeField } from './fields.tsx'
import type { Form as Fields } from './page.ts'
import { Button, Emblem, Form, Lead } from './parts.tsx'
import { T } from './sentences.tsx'
import type { Visit } from './visit.ts'

const problems = { unknown: 'DeviceCodeUnknown', expired: 'DeviceCodeExpired' } as const

export function drawDevice(visit: Visit): Response {
  const { searchParams } = visit.url
  const done = searchParams.get('q_done')
  if (done === 'approved' || done === 'denied') {
    const word = done === 'approved' ? 'done' : 'denied'
    return draw(visit, {
      title: { k: `device.${word}_title` },
      emblem: <Emblem icon={done === 'approved' ? 'check' : 'shield'} tone={done === 'approved' ? 'ok' : 'info'} />,
      body: (
        <Lead>
          <T k={`device.${word}`} />
        </Lead>
      ),
    })
  }
  const problem = searchParams.get('q_problem')
  if (problem === 'unknown' || problem === 'expired') visit.carried = { problem: { reason: problems[problem] } }
  if (problem === 'missing') visit.carried = { problem: missing('code') }
  const error = errorAt(visit, 'user_code')
  return draw(visit, {
    title: { k: 'device.title' },
    body: (
      <Form>
        <CodeField
          name="user_code"
          label={visit.words('device.label')}
          help={visit.words('device.help')}
          value={searchParams.get('user_code')?.slice(0, 20)}
          error={error}
          length={8}
          letters
          autofocus
        />
        <Button>{visit.words('device.submit')}</Button>
      </Form>
    ),
  })
}

export async function takeDevice(visit: Visit, form: Fields): Promise<Response> {
  const { node, project, origin, caller } = at(visit.c)
  if (project.config.ui.authentication_disabled) return featureDisabled(visit)
  const userCode = form.get('user_code').trim()
  const again = (problem: string) =>
    redirect(visit.c, `${devicePath}?${new URLSearchParams({ user_code: userCode.slice(0, 20), q_problem: problem })}`)
  if (userCode === '') return again('missing')
  const begun = await requestOfDevice(node, project, { userCode, origin, caller, uiLocales: visit.words.lang })
  if (typeof begun === 'string') return again(begun)
  const next = `${resumePath}?x_ref=${begun.ref}`
  const carries = origin.carries && (await browserSession(visit)) === undefined
  return carries ? throughHub(visit.c, next) : redirect(visit.c, next)
}
