// A second factor on its way into an account: an app that is scanned, or an address that is proved by its code. What is
// not yet kept travels sealed in the address, for this person alone.
import {
  addCodeTarget,
  addTotp,
  type CodeTarget,
  holdsApp,
  mayAdd,
  readCodeTarget,
  secondFactorsOf,
  sendSetUpCode,
  setUpCodeShown,
} from '../../account/second_factors.ts'
import { newTotpSecret, totpUri } from '../../authenticators/totp.ts'
import { displayName } from '../../flows/errands.ts'
import { at } from '../../http/context.ts'
import { projectName } from '../../projects/name.ts'
import { Refusal } from '../../refusal.ts'
import { carry } from '../carried.ts'
import { draw, errorAt, redirect } from '../draw.tsx'
import { NothingYet, secondsUntil } from '../enter_oob_otp.tsx'
import { missing } from '../errors.ts'
import { CodeField } from '../fields.tsx'
import { Button, Form, Lead, Resend } from '../parts.tsx'
import { T } from '../sentences.tsx'
import { TargetForm } from '../setup_oob_otp.tsx'
import { readTotp, TotpSetUp } from '../setup_totp.tsx'
import type { Visit } from '../visit.ts'
import { asker } from './login_id_editor.tsx'
import { type Person, refused, type SettingsPage } from './person.ts'
import { added, listPath, twoStepPath } from './two_step.tsx'

const context = (visit: Visit, person: Person, what: 'app' | 'codes') =>
  `second factor ${what} ${at(visit.c).project.id} ${person.user.id}`

function sealed(visit: Visit, person: Person, what: 'app' | 'codes', value: unknown): string {
  return at(visit.c).node.sealer.seal(JSON.stringify(value), context(visit, person, what))
}

function opened<T>(visit: Visit, person: Person, what: 'app' | 'codes'): T | undefined {
  try {
    const text = visit.url.searchParams.get('q_token') ?? ''
    return JSON.parse(
      at(visit.c)
        .node.sealer.open(text, context(visit, person, what))
        .toString(),
    ) as T
  } catch {
    return undefined
  }
}

const expired = () =>
  new Refusal({ name: 'Invalid', reason: 'AccountManagementTokenInvalid', message: 'this address has expired' })

const to = (path: string, q_token: string) => `${path}?${new URLSearchParams({ q_token })}`

// ---- an authenticator app ---------------------------------------------------------------------------------------------

const totpPath = `${twoStepPath}/create_totp`

type App = { secret: string }

const createTotp: SettingsPage = {
  path: totpPath,
  async get(visit, person) {
    const { node, world, project } = at(visit.c)
    const held = await secondFactorsOf(node, project, person.user.id)
    if (!mayAdd(project.config, 'totp', held)) return redirect(visit.c, listPath('totp'))
    const app = opened<App>(visit, person, 'app')
    // What the app knows by now is nobody's to read again, though the address may be in a browser's history.
    if (app !== undefined && holdsApp(node, project, person.user.id, { held, secret: app.secret }))
      return redirect(visit.c, listPath('totp'))
    // A reload shows the same picture.
    if (app === undefined)
      return redirect(visit.c, to(totpPath, sealed(visit, person, 'app', { secret: newTotpSecret(world.random) })))
    const uri = totpUri(app.secret, { issuer: projectName(project), account: displayName(person.user) })
    return draw(visit, {
      title: { k: 'setup_totp.title' },
      back: listPath('totp'),
      body: TotpSetUp({ visit, secret: app.secret, uri, named: true }),
    })
  },
  async post(visit, person, form) {
    const { node, project } = at(visit.c)
    const typed = { x_display_name: form.get('x_display_name').trim() }
    const here = visit.url.pathname + visit.url.search
    const read = readTotp(form.get('x_code'))
    if ('problem' in read) {
      carry(visit.c, here, { problem: { ...read.problem, field: 'x_code' }, typed })
      return redirect(visit.c, here)
    }
    try {
      const app = opened<App>(visit, person, 'app')
      if (app === undefined) throw expired()
      const made = await addTotp(node, project, person.user.id, {
        secret: app.secret,
        code: read.input.code,
        name: typed.x_display_name,
      })
      return await added(visit, person, 'totp', made)
    } catch (error) {
      return refused(visit, error, typed)
    }
  },
}

// ---- an address for codes ---------------------------------------------------------------------------------------------

const enterPath = `${twoStepPath}/enter_oob_otp`

function createCodeTarget(type: CodeTarget['type']): SettingsPage {
  const email = type === 'oob_otp_email'
  return {
    path: `${twoStepPath}/create_${type}`,
    async get(visit, person) {
      const { node, project } = at(visit.c)
      if (!mayAdd(project.config, type, await secondFactorsOf(node, project, person.user.id)))
        return redirect(visit.c, listPath(type))
      return draw(visit, {
        title: { k: email ? 'setup_oob_otp.title_email' : 'setup_oob_otp.title_phone' },
        back: listPath(type),
        body: <TargetForm visit={visit} email={email} second />,
      })
    },
    async post(visit, person, form) {
      const { node, project } = at(visit.c)
      const text = form.get('x_target').trim()
      const here = visit.url.pathname + visit.url.search
      if (text === '') {
        carry(visit.c, here, { problem: { ...missing(email ? 'email' : 'phone'), field: 'x_target' } })
        return redirect(visit.c, here)
      }
      try {
        const target = await readCodeTarget(node, project, person.user.id, { type, text })
        await sendSetUpCode(node, project, person.user.id, target, asker(visit))
        return redirect(visit.c, to(enterPath, sealed(visit, person, 'codes', target)))
      } catch (error) {
        return refused(visit, error, { x_target: text })
      }
    },
  }
}

const enterCode: SettingsPage = {
  path: enterPath,
  async get(visit, person) {
    const { words } = visit
    const { node, project } = at(visit.c)
    const target = opened<CodeTarget>(visit, person, 'codes')
    if (target === undefined) return redirect(visit.c, twoStepPath)
    const shown = await setUpCodeShown(node, project, person.user.id, target)
    const channel = target.type === 'oob_otp_email' ? 'email' : 'sms'
    return draw(visit, {
      title: { k: `code.title_${channel}` },
      back: listPath(target.type),
      body: (
        <>
          <Lead>
            <T k="code.verify" vars={{ target: target.target }} />
          </Lead>
          <Form hidden={{ x_action: 'submit' }}>
            <CodeField name="x_code" label={words('code.label')} error={errorAt(visit, 'x_code')} autofocus />
            <Button>{words('code.submit')}</Button>
          </Form>
          <NothingYet channel={channel} target={target.target} />
          <Resend seconds={secondsUntil(shown.canResendAt.toISOString(), visit.now)} />
        </>
      ),
    })
  },
  async post(visit, person, form) {
    const { node, project, caller } = at(visit.c)
    const here = visit.url.pathname + visit.url.search
    try {
      const target = opened<CodeTarget>(visit, person, 'codes')
      if (target === undefined) throw expired()
      if (form.get('x_action') === 'resend') {
        await sendSetUpCode(node, project, person.user.id, target, asker(visit))
        carry(visit.c, here, { news: { k: 'code.resent', vars: { target: target.target } } })
        return redirect(visit.c, here)
      }
      const read = readTotp(form.get('x_code'))
      if ('problem' in read) {
        carry(visit.c, here, { problem: { ...read.problem, field: 'x_code' } })
        return redirect(visit.c, here)
      }
      const proof = { ...target, code: read.input.code, ip: caller.ip }
      return await added(visit, person, target.type, await addCodeTarget(node, project, person.user.id, proof))
    } catch (error) {
      return refused(visit, error)
    }
  },
}

export const twoStepEditors: readonly SettingsPage[] = [
  createTotp,
  createCodeTarget('oob_otp_email'),
  createCodeTarget('oob_otp_sms'),
  enterCode,
]
