// Where the person is signed in, and the apps they let in (wire contract §4.3).
import { allowedApps, endOtherPlaces, endPlace, type Place, placesOf, removeApp } from '../../account/sessions.ts'
import { at } from '../../http/context.ts'
import { ago } from '../../localization/time.ts'
import { sessionName } from '../../sessions/device.ts'
import { draw } from '../draw.tsx'
import { Button, Chip, Form, Lead, Moment } from '../parts.tsx'
import { Row, Rows } from '../rows.tsx'
import type { Visit } from '../visit.ts'
import { onTo, refused, type SettingsPage } from './person.ts'

const path = '/settings/sessions'

async function nameOf(visit: Visit, place: Place): Promise<string> {
  const client = place.clientId === undefined ? undefined : at(visit.c).project.clients.get(place.clientId)
  const device = (await sessionName(place)) || visit.words('devices.unknown')
  return client === undefined ? device : `${client.client_name ?? client.name} · ${device}`
}

export const devices: SettingsPage = {
  path,
  async get(visit, { user, asking }) {
    const { words } = visit
    const { world, project } = at(visit.c)
    const places = await placesOf(world, project, user.id, asking)
    const named = await Promise.all(places.map(async (place) => ({ place, name: await nameOf(visit, place) })))
    const apps = await allowedApps(world, project, user.id)
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
                value={
                  place.current
                    ? words('devices.now')
                    : words('devices.last', { when: ago(words.lang, place.lastAccessAt, visit.now) })
                }
                chips={place.current ? <Chip tone="ok">{words('chip.this_device')}</Chip> : undefined}
                action={
                  place.current ? undefined : (
                    <Form bare hidden={{ x_action: 'revoke', x_session_id: place.id }}>
                      <Button kind="secondary" small label={words('devices.sign_out_label', { device: name })}>
                        {words('logout.submit')}
                      </Button>
                    </Form>
                  )
                }
              />
            ))}
          </Rows>
          {others > 0 ? (
            <Form bare hidden={{ x_action: 'revoke_all' }}>
              <Button kind="danger">{words('devices.sign_out_all')}</Button>
            </Form>
          ) : (
            <Lead>{words('devices.only_this')}</Lead>
          )}
          {apps.length > 0 ? (
            <div id="apps">
              <Rows title={words('apps.title')}>
                {apps.map((app) => {
                  const client = project.clients.get(app.clientId)
                  const name = client?.client_name ?? client?.name ?? app.clientId
                  return (
                    <Row
                      label={name}
                      value={<Moment at={app.since} show="day" />}
                      action={
                        <Form bare hidden={{ x_action: 'remove_authorization', x_authorization_id: app.id }}>
                          <Button kind="secondary" small label={words('apps.remove_label', { client: name })}>
                            {words('apps.remove')}
                          </Button>
                        </Form>
                      }
                    />
                  )
                })}
              </Rows>
            </div>
          ) : null}
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
          const client = project.clients.get(app.clientId)
          return onTo(visit, path, {
            k: 'apps.removed',
            vars: { client: client?.client_name ?? client?.name ?? app.clientId },
          })
        }
        default:
          return onTo(visit, path)
      }
    } catch (error) {
      return refused(visit, error)
    }
  },
}
