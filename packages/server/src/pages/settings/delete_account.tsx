// Closing one's account: said whole before, typed out, and said again afterwards, when nobody is signed in any more.
import { closeOwnAccount } from '../../account/close.ts'
import { at } from '../../http/context.ts'
import { forgetCurrentSession } from '../../http/current.ts'
import { day } from '../../localization/time.ts'
import { after } from '../../world.ts'
import { carry } from '../carried.ts'
import { draw, errorAt, redirect } from '../draw.tsx'
import { missing } from '../errors.ts'
import { featureDisabled, pageExpired } from '../failures.tsx'
import { Field } from '../fields.tsx'
import { forgetCookies } from '../logout.tsx'
import { Button, Buttons, Emblem, Form, Lead } from '../parts.tsx'
import { T } from '../sentences.tsx'
import { address, type Visit } from '../visit.ts'
import { done, refused, type SettingsPage } from './person.ts'

const path = '/settings/delete_account'
export const accountClosedPath = `${path}/success`

const context = (visit: Visit) => `closed account ${at(visit.c).project.id}`

export const deleteAccount: SettingsPage = {
  path,
  get(visit) {
    const { words, site, now } = visit
    const { scheduled_by_end_user_enabled, grace_period_days } = at(visit.c).project.config.account_deletion
    if (!scheduled_by_end_user_enabled) return featureDisabled(visit)
    const erased = day(words.lang, after(now, grace_period_days * 86_400))
    return draw(visit, {
      title: { k: 'delete.title', vars: { app: site.name } },
      back: '/settings',
      leadsTo: visit.request === undefined ? [] : [visit.request.redirectUri],
      body: (
        <>
          <Lead>
            <T k="delete.help" vars={{ day: erased }} />
          </Lead>
          <Lead>
            <T k="delete.undo" vars={{ app: site.name }} />
          </Lead>
          <Form hidden={{ x_action: 'delete' }}>
            <Field
              name="delete"
              label={words('delete.label')}
              error={errorAt(visit, 'delete')}
              autocomplete="off"
              ltr
              autofocus
            />
            <Buttons>
              <Button kind="danger">{words('delete.submit')}</Button>
              <Button kind="secondary" href="/settings">
                {words('delete.keep')}
              </Button>
            </Buttons>
          </Form>
        </>
      ),
    })
  },
  async post(visit, person, form) {
    const { c } = visit
    const { node, world, project } = at(c)
    if (form.get('delete') !== 'DELETE') {
      const here = visit.url.pathname + visit.url.search
      carry(c, here, { problem: missing('delete', 'delete') })
      return redirect(c, here)
    }
    let erased: Date
    try {
      erased = await closeOwnAccount(world, project, person.user.id)
    } catch (error) {
      return refused(visit, error)
    }
    forgetCurrentSession(c)
    forgetCookies(c)
    if (visit.request?.settingsAction !== undefined) return done(visit, person, path)
    await node.log.poll()
    const until = node.sealer.seal(erased.toISOString(), context(visit))
    return redirect(c, address(visit, accountClosedPath, { q_until: until }))
  },
}

/** Nobody is signed in here; the address says, sealed, when the data goes. */
export function accountClosed(visit: Visit): Response {
  const { words, site } = visit
  let erased: Date
  try {
    const sealed = visit.url.searchParams.get('q_until') ?? ''
    erased = new Date(at(visit.c).node.sealer.open(sealed, context(visit)).toString())
  } catch {
    return pageExpired(visit)
  }
  return draw(visit, {
    title: { k: 'delete.done_title' },
    emblem: <Emblem icon="check" tone="ok" />,
    body: (
      <Lead>
        <T k="delete.done" vars={{ app: site.name, day: day(words.lang, erased) }} />
      </Lead>
    ),
  })
}
