// Where the person is signed in, and the apps they let in (wire contract §4.3).
import {
  type AllowedApp,
  allowedApps,
  endOtherPlaces,
  endPlace,
  type Place,
  placesOf,
  removeApp,
} from '../../account/sessions.ts'
import { at } from '../../http/context.ts'
import { ago, day } from '../../localization/time.ts'
import { displayName } from '../../oauth/clients.ts'
import { sessionName } from '../../sessions/device.ts'
import { draw } from '../draw.tsx'
import { Button, Chip, Hint, Lead } from '../parts.tsx'
import { Row, Rows } from '../rows.tsx'
import { T } from '../sentences.tsx'
import type { Visit } from '../visit.ts'
import { confirm } from './confirm.tsx'
import { onTo, refused, type SettingsPage } from './person.ts'

const path = '/settings/sessions'

function clientName(visit: Visit, clientId: string): string {
  const client = at(visit.c).project.clients.get(clientId)
  return client === undefined ? clientId : displayName(client)
}

async function nameOf(visit: Visit, place: Place): Promise<string> {
  const device = (await sessionName(place, visit.words)) || visit.words('devices.unknown')
  return place.clientId === undefined ? device : `${clientName(visit, place.clientId)} · ${device}`
}

function isPhone({ deviceInfo, userAgent }: Place): boolean {
  return deviceInfo !== null || /iPhone|iPad|Android|Mobile/.test(userAgent)
}

/** The question before something ends, when the address asks it; `undefined` for what is gone. */
async function asked(visit: Visit, places: readonly Place[], apps: readonly AllowedApp[]) {
  const { searchParams } = visit.url
  const place = places.find((one) => one.id === searchParams.get('q_session_id') && !one.current)
  if (place !== undefined)
    return confirm(visit, {
      title: { k: 'devices.sign_out_title', vars: { device: await nameOf(visit, place) } },
      text: 'devices.sign_out_text',
      hidden: { x_action: 'revoke', x_session_id: place.id },
      submit: 'devices.sign_out_submit',
      keep: path,
    })
  const others = places.filter((one) => !one.current).length
  if (searchParams.has('q_all') && others > 0)
    return confirm(visit, {
      title: { k: 'devices.sign_out_all_title', vars: { n: others } },
      text: 'devices.sign_out_all_text',
      hidden: { x_action: 'revoke_all' },
      submit: 'devices.sign_out_all',
      keep: path,
    })
  const app = apps.find((one) => one.id === searchParams.get('q_authorization_id'))
  return (
    app &&
    confirm(visit, {
      title: { k: 'apps.remove_title', vars: { client: clientName(visit, app.clientId) } },
      text: 'apps.remove_text',
      hidden: { x_action: 'remove_authorization', x_authorization_id: app.id },
      submit: 'apps.remove',
      keep: path,
    })
  )
}

export const devices: SettingsPage = {
  path,
  async get(visit, { user, asking }) {
    const { words, now } = visit
    const { world, project } = at(visit.c)
    const places = await placesOf(world, project, user.id, asking)
    const apps = await allowedApps(world, project, user.id)
    const question = await asked(visit, places, apps)
    if (question !== undefined) return question
    const named = await Promise.all(places.map(async (place) => ({ place, name: await nameOf(visit, place) })))
    const others = places.filter((place) => !place.current).length
    return draw(visit, {
      title: { k: 'devices.title' },
      back: '/settings',
      shape: 'list',
      body: (
        <>
          <Lead>{words('devices.help')}</Lead>
          <Rows>
            {named.map(({ place, name }) => (
              <Row
                label={name}
                icon={isPhone(place) ? 'phone' : 'laptop'}
                value={
                  <T
                    k={place.current ? 'devices.now_since' : 'devices.last_since'}
                    vars={{ when: ago(words.lang, place.lastAccessAt, now), day: day(words.lang, place.createdAt) }}
                  />
                }
                chips={place.current ? <Chip tone="ok">{words('chip.this_device')}</Chip> : undefined}
                action={
                  place.current ? undefined : (
                    <Button
                      kind="secondary"
                      small
                      href={`${path}?q_session_id=${place.id}`}
                      label={words('devices.sign_out_label', { device: name })}
                    >
                      {words('logout.submit')}
                    </Button>
                  )
                }
              />
            ))}
          </Rows>
          {others > 0 ? (
            <Button kind="danger" href={`${path}?q_all=true`}>
              {words('devices.sign_out_all')}
            </Button>
          ) : (
            <Hint>{words('devices.only_this')}</Hint>
          )}
          <div id="apps" class="section">
            {apps.length === 0 ? null : (
              <Rows title={words('apps.title')}>
                {apps.map((app) => {
                  const name = clientName(visit, app.clientId)
                  return (
                    <Row
                      label={name}
                      icon="apps"
                      value={<T k="apps.since" vars={{ day: day(words.lang, app.since) }} />}
                      action={
                        <Button
                          kind="secondary"
                          small
                          href={`${path}?q_authorization_id=${app.id}`}
                          label={words('apps.remove_label', { client: name })}
                        >
                          {words('apps.remove')}
                        </Button>
                      }
                    />
                  )
                })}
              </Rows>
            )}
          </div>
        </>
      ),
    })
  },
  async post(visit, { user, asking }, form) {
    const { world, project } = at(visit.c)
    try {
      switch (form.get('x_action')) {
        case 'revoke': {
          const place = await endPlace(world, project, user.id, form.get('x_session_id'), asking)
          return onTo(visit, path, { k: 'devices.signed_out', vars: { device: await nameOf(visit, place) } })
        }
        case 'revoke_all':
          return onTo(visit, path, {
            k: 'devices.signed_out_all',
            vars: { n: await endOtherPlaces(world, project, user.id, asking) },
          })
        case 'remove_authorization': {
          const app = await removeApp(world, project, user.id, form.get('x_authorization_id'))
          return onTo(visit, path, { k: 'apps.removed', vars: { client: clientName(visit, app.clientId) } })
        }
        default:
          return onTo(visit, path)
      }
    } catch (error) {
      return refused(visit, error)
    }
  },
}
