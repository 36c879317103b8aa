// E-mail addresses, phone numbers and usernames: listed, added, changed, confirmed, removed.
import {
  allowedOn,
  checkVerification,
  keyOfType,
  markVerified,
  mustVerify,
  readWanted,
  removeLoginId,
  saveLoginId,
  sendVerification,
  verificationShown,
  type Wanted,
} from '../../account/login_ids.ts'
import { at } from '../../http/context.ts'
import { identitiesOf } from '../../identities/store.ts'
import type { Asker } from '../../messaging/codes.ts'
import { scopeOf } from '../../projects/find.ts'
import { Refusal } from '../../refusal.ts'
import { draw, errorAt, redirect } from '../draw.tsx'
import { NothingYet, secondsUntil } from '../enter_oob_otp.tsx'
import { CodeField, IdentifierField } from '../fields.tsx'
import type { Form as Fields } from '../page.ts'
import { Button, Chip, Form, Lead, Resend } from '../parts.tsx'
import { Empty, Row, Rows } from '../rows.tsx'
import { T } from '../sentences.tsx'
import { address, type Visit } from '../visit.ts'
import { done, onTo, type Person, refused, type SettingsPage } from './person.ts'

type Type = 'email' | 'phone' | 'username'
const listOf = (type: Type) => `/settings/identity/${type}`

/** A login ID that waits for its code travels sealed in the address, for this person alone. */
function sealed(visit: Visit, person: Person, wanted: Wanted): string {
  const { node, project } = at(visit.c)
  return node.sealer.seal(JSON.stringify(wanted), `login id ${project.id} ${person.user.id}`)
}

function opened(visit: Visit, person: Person): Wanted {
  const { node, project } = at(visit.c)
  try {
    const text = visit.url.searchParams.get('q_token') ?? ''
    return JSON.parse(node.sealer.open(text, `login id ${project.id} ${person.user.id}`).toString()) as Wanted
  } catch {
    throw new Refusal({ name: 'Invalid', reason: 'AccountManagementTokenInvalid', message: 'this address has expired' })
  }
}

function asker(visit: Visit): Asker {
  const { origin, caller } = at(visit.c)
  return { ...caller, origin, uiLocales: visit.words.lang }
}

function list(type: Type): SettingsPage {
  return {
    path: listOf(type),
    async get(visit, { user }) {
      const { words } = visit
      const { world, project } = at(visit.c)
      const held = (await identitiesOf(scopeOf(world.db, project), user.id)).filter((one) => one.login_id_type === type)
      const confirmed = (value: string | null) => user.verified.some((one) => one.value === value)
      const canAdd = keyOfType(project.config, type, 'create_disabled') !== undefined
      return draw(visit, {
        title: { k: `${type}_list.title` },
        back: '/settings',
        shape: 'list',
        body: (
          <>
            <Lead>{words(`${type}_list.help`)}</Lead>
            {held.length === 0 ? (
              <Empty icon="info">{words(`${type}_list.empty`)}</Empty>
            ) : (
              <Rows>
                {held.map((one) => {
                  const { remove, verify, change } = allowedOn(project.config, one)
                  const open = verify && !confirmed(one.login_id)
                  return (
                    <Row
                      label={one.login_id ?? ''}
                      ltr
                      chips={open ? <Chip tone="warn">{words('chip.unconfirmed')}</Chip> : undefined}
                      action={
                        <>
                          {open ? (
                            <Form bare hidden={{ x_action: 'verify', x_identity_id: one.id }}>
                              <Button kind="text">{words(`${type}_list.verify`)}</Button>
                            </Form>
                          ) : null}
                          {change ? (
                            <Button kind="text" href={`/settings/identity/change_${type}?q_identity_id=${one.id}`}>
                              {words('common.change')}
                            </Button>
                          ) : null}
                          {remove ? (
                            <Form bare hidden={{ x_action: 'remove', x_identity_id: one.id }}>
                              <Button kind="secondary" small label={words(`${type}_list.remove_submit`)}>
                                {words('common.remove')}
                              </Button>
                            </Form>
                          ) : null}
                        </>
                      }
                    />
                  )
                })}
              </Rows>
            )}
            {canAdd ? <Button href={`/settings/identity/add_${type}`}>{words(`${type}_list.add`)}</Button> : null}
          </>
        ),
      })
    },
    async post(visit, person, form) {
      const { node, world, project } = at(visit.c)
      const id = form.get('x_identity_id')
      try {
        if (form.get('x_action') === 'remove') {
          const gone = await removeLoginId(world, project, person.user.id, id)
          return onTo(visit, listOf(type), { k: `${type}_list.removed`, vars: { target: gone.value } })
        }
        const own = (await identitiesOf(scopeOf(world.db, project), person.user.id)).find((one) => one.id === id)
        if (form.get('x_action') !== 'verify' || own?.login_id == null) return onTo(visit, listOf(type))
        const wanted = {
          userId: person.user.id,
          identityId: own.id,
          loginId: { type, value: own.login_id },
        } as unknown as Wanted
        await sendVerification(node, project, person.user.id, wanted.loginId, asker(visit))
        return redirect(
          visit.c,
          address(visit, `/settings/identity/verify_${type}`, {
            q_token: sealed(visit, person, wanted),
            q_own: 'true',
          }),
        )
      } catch (error) {
        return refused(visit, error)
      }
    },
  }
}

function editor(type: Type, what: 'add' | 'change'): SettingsPage {
  return {
    path: `/settings/identity/${what}_${type}`,
    get(visit) {
      const { words } = visit
      const prefill = visit.carried.typed?.x_login_id ?? visit.url.searchParams.get('q_login_id') ?? ''
      return draw(visit, {
        title: { k: `${type}_list.${what}` },
        back: listOf(type),
        leadsTo: visit.request === undefined ? [] : [visit.request.redirectUri],
        body: (
          <Form>
            <IdentifierField
              name="x_login_id"
              kinds={[type]}
              use="sign-up"
              value={prefill}
              error={errorAt(visit, 'x_login_id')}
              autofocus
            />
            <Button>{words('common.continue')}</Button>
          </Form>
        ),
      })
    },
    post: (visit, person, form) => propose(visit, person, form, { type, what }),
  }
}

async function propose(
  visit: Visit,
  person: Person,
  form: Fields,
  { type, what }: { type: Type; what: 'add' | 'change' },
): Promise<Response> {
  const { node, world, project } = at(visit.c)
  const text = form.get('x_login_id').trim()
  try {
    const named = form.get('x_identity_id') || visit.url.searchParams.get('q_identity_id')
    const first =
      person.user.identities.length > 0 ? await identitiesOf(scopeOf(world.db, project), person.user.id) : []
    const identityId = what === 'add' ? undefined : (named ?? first.find((one) => one.login_id_type === type)?.id)
    const wanted = await readWanted(world, project, {
      userId: person.user.id,
      type,
      text,
      identityId,
      key: form.get('x_login_id_key') || undefined,
    })
    if (!mustVerify(project.config, type)) {
      await saveLoginId(world, project, wanted, { verified: false })
      return done(visit, person, listOf(type), {
        k: `${type}_list.${what === 'add' ? 'added' : 'changed'}`,
        vars: { target: wanted.loginId.value },
      })
    }
    await sendVerification(node, project, person.user.id, wanted.loginId, asker(visit))
    return redirect(
      visit.c,
      address(visit, `/settings/identity/verify_${type}`, { q_token: sealed(visit, person, wanted) }),
    )
  } catch (error) {
    return refused(visit, error, { x_login_id: text })
  }
}

function verifier(type: 'email' | 'phone'): SettingsPage {
  return {
    path: `/settings/identity/verify_${type}`,
    async get(visit, person) {
      const { words } = visit
      const { node, project } = at(visit.c)
      const { loginId } = opened(visit, person)
      const shown = await verificationShown(node, project, person.user.id, loginId)
      return draw(visit, {
        title: { k: `${type}_list.verify` },
        back: listOf(type),
        leadsTo: visit.request === undefined ? [] : [visit.request.redirectUri],
        body: (
          <>
            <Lead>
              <T k="code.verify" vars={{ target: loginId.value }} />
            </Lead>
            <Form hidden={{ x_action: 'submit' }}>
              <CodeField
                name="x_code"
                label={words('code.label')}
                length={6}
                error={errorAt(visit, 'x_code')}
                autofocus
              />
              <Button>{words('code.submit')}</Button>
            </Form>
            <NothingYet channel={type === 'email' ? 'email' : 'sms'} target={loginId.value} />
            <Resend seconds={secondsUntil(shown.canResendAt.toISOString(), visit.now)} />
          </>
        ),
      })
    },
    async post(visit, person, form) {
      const { node, world, project, caller } = at(visit.c)
      try {
        const wanted = opened(visit, person)
        if (form.get('x_action') === 'resend') {
          await sendVerification(node, project, person.user.id, wanted.loginId, asker(visit))
          return redirect(visit.c, visit.url.pathname + visit.url.search)
        }
        const code = form.get('x_code').replaceAll(/[\s-]/g, '')
        await checkVerification(node, project, person.user.id, wanted.loginId, code, caller.ip)
        const own = visit.url.searchParams.get('q_own') === 'true' ? wanted.identityId : undefined
        if (own === undefined) await saveLoginId(world, project, wanted, { verified: true })
        else await markVerified(world, project, person.user.id, own)
        const word = own !== undefined ? 'verified' : wanted.identityId === undefined ? 'added' : 'changed'
        return done(visit, person, listOf(type), { k: `${type}_list.${word}`, vars: { target: wanted.loginId.value } })
      } catch (error) {
        return refused(visit, error)
      }
    },
  }
}

export const loginIds: readonly SettingsPage[] = [
  ...(['email', 'phone', 'username'] as const).flatMap((type) => [
    list(type),
    editor(type, 'add'),
    editor(type, 'change'),
  ]),
  verifier('email'),
  verifier('phone'),
]
