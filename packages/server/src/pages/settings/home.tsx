// The menu: every row says how things stand and leads to one topic.

import { keyOfType } from '../../account/login_ids.ts'
import { offeredFactors } from '../../account/second_factors.ts'
import { allowedApps, placesOf } from '../../account/sessions.ts'
import { displayName } from '../../flows/errands.ts'
import { at } from '../../http/context.ts'
import { isAnonymous } from '../../users/facts.ts'
import { draw } from '../draw.tsx'
import { Button, Lead, Person } from '../parts.tsx'
import { Row, Rows } from '../rows.tsx'
import { T } from '../sentences.tsx'
import type { SettingsPage } from './person.ts'

const icons = { email: 'mail', phone: 'phone', username: 'user' } as const
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
    const hasSecond = user.authenticators.some((one) => one.kind === 'secondary')
    const summary = ([first, ...others]: string[]) =>
      first === undefined
        ? words('common.not_set')
        : others.length > 0
          ? words('settings.count_more', { first, n: others.length })
          : first
    const name = displayName(user)
    const detail = types.flatMap(held)[0]
    const language = site.languages?.find(({ current }) => current)
    const closing = project.config.account_deletion.scheduled_by_end_user_enabled
    return draw(visit, {
      title: { k: 'settings.title' },
      shape: 'list',
      corner: <a href="/logout">{words('logout.submit')}</a>,
      body: (
        <>
          <Person name={name} detail={detail} />
          <Rows title={words('settings.section.you')}>
            <Row
              label={words('settings.profile')}
              icon="user"
              value={name === detail ? words('settings.profile_help') : name}
              href="/settings/profile"
            />
            {(site.languages?.length ?? 0) > 1 ? (
              <Row label={words('settings.language')} icon="globe" value={language?.name} href="/settings/language" />
            ) : null}
          </Rows>
          <Rows title={words('settings.section.sign_in')}>
            {shown.map((type) => (
              <Row
                label={words(`settings.${type}`)}
                icon={icons[type]}
                value={summary(held(type))}
                ltr
                href={`/settings/identity/${type}`}
              />
            ))}
            <Row
              label={words('settings.password')}
              icon="key"
              value={words(hasPassword ? 'settings.password_set' : 'common.not_set')}
              href="/settings/change_password"
            />
            {hasSecond || offeredFactors(project.config).length > 0 ? (
              <Row
                label={words('settings.two_step')}
                icon="shield"
                value={words(hasSecond ? 'settings.two_step_on' : 'settings.two_step_off')}
                href="/settings/mfa"
              />
            ) : null}
          </Rows>
          <Rows title={words('settings.section.access')}>
            <Row
              label={words('settings.devices')}
              icon="laptop"
              value={words('settings.devices_count', { n: places.length })}
              href="/settings/sessions"
            />
            {apps.length > 0 ? (
              <Row
                label={words('settings.apps')}
                icon="apps"
                value={words('settings.apps_count', { n: apps.length })}
                href="/settings/sessions#apps"
              />
            ) : null}
          </Rows>
          {closing ? (
            <Rows title={words('settings.section.more')}>
              <Row label={words('settings.delete')} icon="trash" href="/settings/delete_account" />
            </Rows>
          ) : null}
        </>
      ),
    })
  },
}
