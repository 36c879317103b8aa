// The language of these pages in this browser, and of the messages that they send.
import { at } from '../../http/context.ts'
import { bestMatch } from '../../localization/negotiate.ts'
import { keep } from '../browser.ts'
import { carry } from '../carried.ts'
import { draw, redirect } from '../draw.tsx'
import { RadioField } from '../fields.tsx'
import { Button, Form } from '../parts.tsx'
import type { SettingsPage } from './person.ts'

const path = '/settings/language'
const year = 365 * 86_400

export const language: SettingsPage = {
  path,
  get(visit) {
    const { words, site } = visit
    const languages = site.languages ?? []
    return draw(visit, {
      title: { k: 'language.title' },
      back: '/settings',
      body: (
        <Form>
          <RadioField
            name="ui_locales"
            label={words('language.help')}
            options={languages.map(({ tag, name }) => ({ value: tag, label: <bdi lang={tag}>{name}</bdi> }))}
            value={languages.find(({ current }) => current)?.tag}
          />
          <Button>{words('common.save')}</Button>
        </Form>
      ),
    })
  },
  async post(visit, _, form) {
    const chosen = bestMatch(form.get('ui_locales'), at(visit.c).project.config.localization.supported_languages)
    if (chosen === undefined) return redirect(visit.c, path)
    keep(visit.c, 'ui_locales', encodeURIComponent(chosen), { maxAgeSeconds: year })
    carry(visit.c, '/settings', { news: { k: 'language.saved' } })
    return redirect(visit.c, '/settings')
  },
}
