// What a person says of themselves: what the project shows them, and what it lets them change.
import { changeProfile } from '../../account/profile.ts'
import { at } from '../../http/context.ts'
import type { UserFacts } from '../../users/facts.ts'
import { accessOf } from '../../users/profile.ts'
import { attributeErrors, typedAttribute } from '../attribute_errors.ts'
import {
  AttributeField,
  attributeFields,
  attributeInput,
  attributeLabel,
  attributeText,
  readAttribute,
} from '../attribute_fields.tsx'
import { draw } from '../draw.tsx'
import { Button, ErrorSummary, Form, Lead } from '../parts.tsx'
import { Row, Rows } from '../rows.tsx'
import { T } from '../sentences.tsx'
import type { Visit } from '../visit.ts'
import { done, refused, type SettingsPage } from './person.ts'

/** Pointers of the standard attributes that a person writes, by the page that edits them. */
const variants: Record<string, readonly string[]> = {
  name: ['/name', '/given_name', '/family_name', '/middle_name', '/nickname', '/profile', '/website'],
  gender: ['/gender'],
  birthdate: ['/birthdate'],
  locale: ['/locale'],
  zoneinfo: ['/zoneinfo'],
  address: ['/address'],
}

function pointersOf(visit: Visit, variant: string, least: 'readonly' | 'readwrite'): string[] {
  const { user_profile } = at(visit.c).project.config
  const pointers =
    variant === 'custom'
      ? user_profile.custom_attributes.attributes.map((one) => one.pointer)
      : (variants[variant] ?? [])
  const allowed = least === 'readonly' ? ['readonly', 'readwrite'] : ['readwrite']
  return pointers.filter((pointer) => allowed.includes(accessOf(user_profile, pointer, 'end_user')))
}

function valueAt(visit: Visit, user: UserFacts, pointer: string): unknown {
  const custom = at(visit.c).project.config.user_profile.custom_attributes.attributes.find(
    (one) => one.pointer === pointer,
  )
  return custom === undefined ? user.standard_attributes[pointer.slice(1)] : user.custom_attributes[custom.id]
}

const all = [...Object.keys(variants), 'custom']

export const profile: SettingsPage = {
  path: '/settings/profile',
  get(visit, { user }) {
    const { words, site } = visit
    const { user_profile } = at(visit.c).project.config
    const rows = all.flatMap((variant) =>
      pointersOf(visit, variant, 'readonly').map((pointer) => (
        <Row
          label={attributeLabel(pointer, words)}
          value={attributeText(user_profile, pointer, valueAt(visit, user, pointer), words) || words('common.not_set')}
          href={pointersOf(visit, variant, 'readwrite').length > 0 ? `/settings/profile/${variant}/edit` : undefined}
        />
      )),
    )
    return draw(visit, {
      title: { k: 'profile.title' },
      back: '/settings',
      shape: 'list',
      body: (
        <>
          <Lead>
            <T k="profile.help" vars={{ app: site.name }} />
          </Lead>
          <Rows>{rows}</Rows>
        </>
      ),
    })
  },
}

/** The same page under the address that newer apps open. */
export const profileV2: SettingsPage = { ...profile, path: '/settings/v2/profile' }

function editor(variant: string): SettingsPage {
  return {
    path: `/settings/profile/${variant}/edit`,
    get(visit, { user }) {
      const { words } = visit
      const { user_profile } = at(visit.c).project.config
      const pointers = pointersOf(visit, variant, 'readwrite')
      const errors = attributeErrors(visit, user_profile, pointers)
      const first = pointers.find((pointer) => errors.has(pointer)) ?? pointers[0]
      return draw(visit, {
        title: { k: `profile.edit_${variant}` },
        back: '/settings/profile',
        body: (
          <>
            <ErrorSummary
              problems={[...errors].map(([field, text]) => ({ field, text, label: attributeLabel(field, words) }))}
            />
            <Form hidden={{ x_action: 'save' }}>
              {pointers.map((pointer) => (
                <AttributeField
                  profile={user_profile}
                  pointer={pointer}
                  value={typedAttribute(visit, pointer) ?? attributeInput(valueAt(visit, user, pointer))}
                  words={words}
                  error={errors.get(pointer)}
                  autofocus={errors.size < 2 && pointer === first}
                />
              ))}
              <Button>{words('common.save')}</Button>
            </Form>
          </>
        ),
      })
    },
    async post(visit, person, form) {
      const { world, project } = at(visit.c)
      const pointers = pointersOf(visit, variant, 'readwrite')
      const values = pointers.map((pointer) => ({
        pointer,
        value: readAttribute(project.config.user_profile, pointer, form),
      }))
      try {
        await changeProfile(world, project, person.user.id, values)
      } catch (error) {
        return refused(
          visit,
          error,
          Object.fromEntries(pointers.flatMap(attributeFields).map((name) => [name, form.get(name)])),
        )
      }
      return done(visit, person, '/settings/profile', { k: 'profile.saved' })
    },
  }
}

export const profileEditors: readonly SettingsPage[] = all.map(editor)
