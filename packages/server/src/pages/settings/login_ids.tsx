// E-mail addresses, phone numbers and usernames: listed, looked at, added, changed, confirmed, removed.
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
import { changeProfile } from '../../account/profile.ts'
import { at } from '../../http/context.ts'
import { claimOfType } from '../../identities/login_id.ts'
import { type Identity, identitiesOf, loginIdOf } from '../../identities/store.ts'
import type { Asker } from '../../messaging/codes.ts'
import { scopeOf } from '../../projects/find.ts'
import { Refusal } from '../../refusal.ts'
import type { UserFacts } from '../../users/facts.ts'
import { accessOf } from '../../users/profile.ts'
import { draw, errorAt, redirect } from '../draw.tsx'
import { NothingYet, secondsUntil } from '../enter_oob_otp.tsx'
import { CodeField, IdentifierField, RadioField } from '../fields.tsx'
import type { Form as Fields } from '../page.ts'
import { Alternatives, Button, Chip, Form, Hint, Lead, Resend } from '../parts.tsx'
import { Empty, Row, Rows } from '../rows.tsx'
import { T } from '../sentences.tsx'
import { address, type Visit } from '../visit.ts'
import { done, onTo, type Person, refused, type SettingsPage } from './person.ts'

type Type = 'email' | 'phone' | 'username'
const icons = { email: 'mail', phone: 'phone', username: 'user' } as const
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

/** What the project lets people do here, as a page of its own shows it. */
function primaryName(type: Type): 'email' | 'phone_number' | undefined {
  return type === 'username' ? undefined : claimOfType[type]
}

function choosesPrimary(visit: Visit, type: Type): boolean {
  const name = primaryName(type)
  return name !== undefined && accessOf(at(visit.c).project.config.user_profile, `/${name}`, 'end_user') === 'readwrite'
}

async function heldBy(visit: Visit, userId: string, type: Type): Promise<Identity[]> {
  const { world, project } = at(visit.c)
  const all = await identitiesOf(scopeOf(world.db, project), userId)
  return all.filter((one) => one.login_id_type === type)
}

/** How a login ID stands: whether apps see it, and whether it still waits for its code. */
function Chips({ visit, user, one, among }: { visit: Visit; user: UserFacts; one: Identity; among: number }) {
  const name = primaryName(one.login_id_type as Type)
  const primary = among > 1 && name !== undefined && user.standard_attributes[name] === one.login_id
  return (
    <>
      {primary ? <Chip tone="info">{visit.words('chip.primary')}</Chip> : null}
      {isOpen(visit, user, one) ? <Chip tone="warn">{visit.words('chip.unconfirmed')}</Chip> : null}
    </>
  )
}

function isOpen(visit: Visit, user: UserFacts, one: Identity): boolean {
  const { verify } = allowedOn(at(visit.c).project.config, one)
  return verify && !user.verified.some((claim) => claim.value === one.login_id)
}

function list(type: Type): SettingsPage {
  return {
    path: listOf(type),
    async get(visit, { user }) {
      const { words } = visit
      const held = await heldBy(visit, user.id, type)
      const canAdd = keyOfType(at(visit.c).project.config, type, 'create_disabled') !== undefined
      return draw(visit, {
        title: { k: `${type}_list.title` },
        back: '/settings',
        shape: 'list',
        body: (
          <>
            <Lead>{words(`${type}_list.help`)}</Lead>
            {held.length === 0 ? (
              <Empty icon={icons[type]}>{words(`${type}_list.empty`)}</Empty>
            ) : (
              <Rows>
                {held.map((one) => (
                  <Row
                    label={<bdi dir="ltr">{one.login_id}</bdi>}
                    icon={icons[type]}
                    chips={<Chips visit={visit} user={user} one={one} among={held.length} />}
                    href={`/settings/identity/view_${type}?q_identity_id=${one.id}`}
                  />
                ))}
              </Rows>
            )}
            {canAdd ? <Button href={`/settings/identity/add_${type}`}>{words(`${type}_list.add`)}</Button> : null}
            {held.length > 1 && choosesPrimary(visit, type) ? (
              <Alternatives>
                <a href={`/settings/identity/change_primary_${type}`}>{words(`${type}_list.choose_primary`)}</a>
              </Alternatives>
            ) : null}
          </>
        ),
      })
    },
  }
}

/** One login ID, and what its owner may do with it. */
function viewer(type: Type): SettingsPage {
  const path = `/settings/identity/view_${type}`
  return {
    path,
    async get(visit, { user }) {
      const { words } = visit
      const held = await heldBy(visit, user.id, type)
      const one = held.find(({ id }) => id === visit.url.searchParams.get('q_identity_id'))
      if (one === undefined) return redirect(visit.c, listOf(type))
      const { change, remove } = allowedOn(at(visit.c).project.config, one)
      const open = isOpen(visit, user, one)
      return draw(visit, {
        title: { k: `${type}_list.one` },
        back: listOf(type),
        shape: 'list',
        body: (
          <>
            <Rows>
              <Row
                label={<bdi dir="ltr">{one.login_id}</bdi>}
                icon={icons[type]}
                chips={<Chips visit={visit} user={user} one={one} among={held.length} />}
              />
            </Rows>
            {open ? (
              <Form bare hidden={{ x_action: 'verify', x_identity_id: one.id }}>
                <Button>{words(`${type}_list.verify`)}</Button>
              </Form>
            ) : null}
            {change ? (
              <Button kind="secondary" href={`/settings/identity/change_${type}?q_identity_id=${one.id}`}>
                {words(`${type}_list.change`)}
              </Button>
            ) : null}
            {remove ? (
              <>
                <Form bare hidden={{ x_action: 'remove', x_identity_id: one.id }}>
                  <Button kind="danger">{words(`${type}_list.remove_submit`)}</Button>
                </Form>
                <Hint>{words(`${type}_list.remove`)}</Hint>
              </>
            ) : null}
          </>
        ),
      })
    },
    async post(visit, person, form) {
      const { node, world, project } = at(visit.c)
      const id = form.get('x_identity_id') || (visit.url.searchParams.get('q_identity_id') ?? '')
      try {
        if (form.get('x_action') === 'remove') {
          const gone = await removeLoginId(world, project, person.user.id, id)
          return onTo(visit, listOf(type), { k: `${type}_list.removed`, vars: { target: gone.value } })
        }
        const own = (await heldBy(visit, person.user.id, type)).find((one) => one.id === id)
        const loginId = own && loginIdOf(own)
        if (form.get('x_action') !== 'verify' || loginId === undefined) return onTo(visit, listOf(type))
        const wanted: Wanted = { userId: person.user.id, identityId: id, loginId }
        await sendVerification(node, project, person.user.id, loginId, asker(visit))
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

/** Which of several becomes the address or number that apps see. */
function primary(type: 'email' | 'phone'): SettingsPage {
  const path = `/settings/identity/change_primary_${type}`
  const name = claimOfType[type]
  return {
    path,
    async get(visit, { user }) {
      const { words } = visit
      if (!choosesPrimary(visit, type)) return redirect(visit.c, listOf(type))
      const options = (await heldBy(visit, user.id, type)).map(({ login_id }) => ({
        value: login_id ?? '',
        label: <bdi dir="ltr">{login_id}</bdi>,
      }))
      return draw(visit, {
        title: { k: `${type}_list.primary` },
        back: listOf(type),
        body: (
          <Form hidden={{ x_action: 'save' }}>
            <RadioField
              name={`/${name}`}
              label={words(`${type}_list.primary_help`)}
              options={options}
              value={String(user.standard_attributes[name] ?? '')}
            />
            <Button>{words('common.save')}</Button>
          </Form>
        ),
      })
    },
    async post(visit, { user }, form) {
      const { world, project } = at(visit.c)
      const value = form.get(`/${name}`)
      try {
        await changeProfile(world, project, user.id, [{ pointer: `/${name}`, value }])
      } catch (error) {
        return refused(visit, error)
      }
      return onTo(visit, listOf(type), { k: `${type}_list.primary_saved`, vars: { target: value } })
    },
  }
}

function editor(type: Type, what: 'add' | 'change'): SettingsPage {
  return {
    path: `/settings/identity/${what}_${type}`,
    async get(visit, { user }) {
      const { words } = visit
      const { searchParams } = visit.url
      const prefill = visit.carried.typed?.x_login_id ?? searchParams.get('q_login_id') ?? ''
      const held = what === 'add' ? [] : await heldBy(visit, user.id, type)
      const named = searchParams.get('q_identity_id')
      const old = named === null ? held[0] : held.find(({ id }) => id === named)
      return draw(visit, {
        title: { k: `${type}_list.${what}` },
        back: old === undefined ? listOf(type) : `/settings/identity/view_${type}?q_identity_id=${old.id}`,
        leadsTo: visit.request === undefined ? [] : [visit.request.redirectUri],
        body: (
          <>
            {old?.login_id ? (
              <Lead>
                <T k={`${type}_list.current`} vars={{ target: old.login_id }} />
              </Lead>
            ) : null}
            <Form>
              <IdentifierField
                name="x_login_id"
                kinds={[type]}
                use="sign-up"
                label={old === undefined ? undefined : words(`${type}_list.new`)}
                value={prefill}
                error={errorAt(visit, 'x_login_id')}
                autofocus
              />
              <Button>{words('common.continue')}</Button>
            </Form>
          </>
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
    viewer(type),
    editor(type, 'add'),
    editor(type, 'change'),
  ]),
  ...(['email', 'phone'] as const).flatMap((type) => [verifier(type), primary(type)]),
]
