// The menu: every row says how things stand and leads to one topic.

import { keyOfType } from '../../account/login_ids.ts'
import { allowedApps, placesOf } from '../../account/sessions.ts'
import { at } from '../../http/context.ts'
import { isAnonymous } from '../../users/facts.ts'
import { draw } from '../draw.tsx'
import { Button, Lead } from '../parts.tsx'
import { Row, Rows } from '../rows.tsx'
import { T } from '../sentences.tsx'
import type { SettingsPage } from './person.ts'

const types = ['email', 'phone', 'username'] as const

export const home: SettingsPage = {
  path: '/settings',
  async get(visit, { user, asking }) {
    const { words, site } = visit
    const { world, project } = at(visit.c)
    if (isAnonymous(user))
      return draw(visit, {
        title: { k: 'settings.title' },
        body: (
          <>
            <Lead>
              <T k="settings.guest" vars={{ app: site.name }} />
            </Lead>
            <Button href="/flows/promote_user">{words('settings.guest_action')}</Button>
          </>
        ),
      })
    const places = await placesOf(world, project, user.id, asking)
    const apps = await allowedApps(world, project, user.id)
    const held = (type: string) =>
      user.identities.filter((one) => one.login_id_type === type).map((one) => one.login_id ?? '')
    const shown = types.filter(
      (type) => held(type).length > 0 || keyOfType(project.config, type, 'create_disabled') !== undefined,
    )
    const hasPassword = user.authenticators.some((one) => one.type === 'password' && one.kind === 'primary')
    const summary = (values: string[]) =>
      values.length > 1 ? words('settings.count_more', { first: values[0] ?? '', n: values.length - 1 }) : values[0]
    return draw(visit, {
      title: { k: 'settings.title' },
      shape: 'list',
      corner: <a href="/logout">{words('logout.submit')}</a>,
      body: (
        <>
          <Rows title={words('settings.section.you')}>
            <Row
              label={words('settings.profile')}
              value={String(user.standard_attributes.name ?? '')}
              href="/settings/profile"
            />
          </Rows>
          <Rows title={words('settings.section.sign_in')}>
            {shown.map((type) => (
              <Row
                label={words(`settings.${type}`)}
                value={summary(held(type))}
                ltr
                href={`/settings/identity/${type}`}
              />
            ))}
            <Row
              label={words('settings.password')}
              value={hasPassword ? words('settings.password_set') : undefined}
              href="/settings/change_password"
            />
          </Rows>
          <Rows title={words('settings.section.access')}>
            <Row
              label={words('settings.devices')}
              value={words('settings.devices_count', { n: places.length })}
              href="/settings/sessions"
            />
            {apps.length > 0 ? (
              <Row
                label={words('settings.apps')}
                value={words('settings.apps_count', { n: apps.length })}
                href="/settings/sessions#apps"
              />
            ) : null}
          </Rows>
        </>
      ),
    })
  },
}
