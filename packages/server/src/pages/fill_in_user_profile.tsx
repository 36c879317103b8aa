import { at } from '../http/context.ts'
import { attributeErrors, typedAttribute } from './attribute_errors.ts'
import { AttributeField, attributeLabel, readAttribute } from './attribute_fields.tsx'
import type { Page } from './page.ts'
import { Button, ErrorSummary, Form, Lead } from './parts.tsx'
import { T } from './sentences.tsx'

/** Attributes that the project asks for at sign-up. */
export const fillInUserProfile: Page = {
  path: '/authflow/v2/fill_in_user_profile',
  draws: ({ view }) => view.action.type === 'fill_in_user_profile',
  read: (form, { view }, _, visit) => {
    const profile = at(visit.c).project.config.user_profile
    const attributes = (view.about.attributes ?? []).flatMap(({ pointer }) => {
      const value = readAttribute(profile, pointer, form)
      return value === null ? [] : [{ pointer, value }]
    })
    return { input: { attributes } }
  },
  keeps: 'all',
  view: ({ view }, visit) => {
    const profile = at(visit.c).project.config.user_profile
    const asked = view.about.attributes ?? []
    const errors = attributeErrors(
      visit,
      profile,
      asked.map(({ pointer }) => pointer),
    )
    return {
      title: { k: 'fill_in.title' },
      body: (
        <>
          <Lead>
            <T k="fill_in.help" vars={{ app: visit.site.name }} />
          </Lead>
          <ErrorSummary
            problems={[...errors].map(([field, text]) => ({ field, text, label: attributeLabel(field, visit.words) }))}
          />
          <Form>
            {asked.map(({ pointer, required }, index) => (
              <AttributeField
                profile={profile}
                pointer={pointer}
                value={typedAttribute(visit, pointer) ?? ''}
                words={visit.words}
                error={errors.get(pointer)}
                optional={!required}
                autofocus={
                  errors.size < 2 && (errors.size === 1 ? errors.has(pointer) : asked.length === 1 && index === 0)
                }
              />
            ))}
            <Button>{visit.words('common.continue')}</Button>
          </Form>
        </>
      ),
    }
  },
}
