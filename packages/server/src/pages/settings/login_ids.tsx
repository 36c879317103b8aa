// E-mail addresses, phone numbers and usernames: listed, looked at, added, changed, confirmed, removed.
import { allowedOn, keyOfType, removeLoginId, sendVerification, type Wanted } from '../../account/login_ids.ts'
import { changeProfile } from '../../account/profile.ts'
import { at } from '../../http/context.ts'
import { claimOfType } from '../../identities/login_id.ts'
import { type Identity, loginIdOf } from '../../identities/store.ts'
import type { UserFacts } from '../../users/facts.ts'
import { accessOf } from '../../users/profile.ts'
import { draw, redirect } from '../draw.tsx'
import { RadioField } from '../fields.tsx'
import { Alternatives, Button, Chip, Form, Hint, Lead } from '../parts.tsx'
import { Empty, Row, Rows } from '../rows.tsx'
import { address, type Visit } from '../visit.ts'
import { asker, editor, heldBy, listOf, sealed, type Type, verifier } from './login_id_editor.tsx'
import { onTo, refused, type SettingsPage } from './person.ts'

const icons = { email: 'mail', phone: 'phone', username: 'user' } as const

/** The attribute that apps see of this kind; usernames have none to choose. */
function primaryName(type: Type): 'email' | 'phone_number' | undefined {
  return type === 'username' ? undefined : claimOfType[type]
}

function choosesPrimary(visit: Visit, type: Type): boolean {
  const name = primaryName(type)
  return name !== undefined && accessOf(at(visit.c).project.config.user_profile, `/${name}`, 'end_user') === 'readwrite'
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

export const loginIds: readonly SettingsPage[] = [
  ...(['email', 'phone', 'username'] as const).flatMap((type) => [
    list(type),
    viewer(type),
    editor(type, 'add'),
    editor(type, 'change'),
  ]),
  ...(['email', 'phone'] as const).flatMap((type) => [verifier(type), primary(type)]),
]
