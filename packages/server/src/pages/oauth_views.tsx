// The HTML of the protocol endpoints: consent, logout, and requests that cannot be answered.

import { at, type Ctx } from '../http/context.ts'
import type { Views } from '../http/views.ts'
import { isThirdParty } from '../oauth/clients.ts'
import { fullAccess, fullUserInfo } from '../oauth/scopes.ts'
import { scopeOf } from '../projects/find.ts'
import { findUser } from '../users/store.ts'
import { draw } from './draw.tsx'
import { fail } from './failures.tsx'
import { Alternatives, Button, Buttons, Emblem, Form, Hint, Lead, Literal, Notice, Ticks } from './parts.tsx'
import { T, useWords } from './sentences.tsx'
import { visitOf } from './visit.ts'

/** Words of the scopes, in the order in which a page lists them. */
const scopeWords: Record<string, string> = {
  openid: 'openid',
  profile: 'profile',
  email: 'email',
  phone: 'phone',
  address: 'address',
  offline_access: 'offline_access',
  [fullAccess]: 'full_access',
  [fullUserInfo]: 'full_access',
}

const hostOf = (uri: string) => (URL.canParse(uri) ? new URL(uri).host : uri)

/** What to call a user on a page: their e-mail address, number or name, else their id. */
async function nameOf(c: Ctx, userId: string): Promise<string> {
  const { world, project } = at(c)
  const attributes = (await findUser(scopeOf(world.db, project), userId))?.standard_attributes ?? {}
  const named = ['email', 'phone_number', 'preferred_username', 'name']
    .map((name) => attributes[name])
    .find((value) => typeof value === 'string')
  return (named as string | undefined) ?? userId
}

function Scopes({ scopes }: { scopes: readonly string[] }) {
  const words = useWords()
  const asked = new Set(scopes.map((scope) => scopeWords[scope] ?? scope))
  const known = new Set(Object.values(scopeWords))
  const keys = [...known].filter((key) => asked.delete(key)).concat([...asked])
  return (
    <Ticks
      items={keys.map((key) =>
        known.has(key) ? words(`consent.scope.${key}`) : <T k="consent.scope.other" vars={{ scope: key }} />,
      )}
    />
  )
}

export const oauthViews: Views = {
  async consent(c, about) {
    const visit = await visitOf(c)
    const { words } = visit
    const client = at(c).project.clients.get(about.clientId)
    const app = client?.client_name ?? client?.name ?? about.clientId
    const user = await nameOf(c, about.userId)
    const { policy_uri: policy, tos_uri: terms } = client ?? {}
    const policies = terms && policy ? 'policies' : terms ? 'policy_terms' : policy ? 'policy_privacy' : undefined
    return draw(visit, {
      title: { k: 'consent.title', vars: { client: app } },
      leadsTo: [about.leadsTo],
      body: (
        <>
          <Scopes scopes={about.scopes} />
          <Lead>{words('consent.never')}</Lead>
          <Hint>
            <T k="consent.as" vars={{ user }} />
          </Hint>
          <Form action={about.action}>
            <Buttons beside>
              <Button name="x_action" value="consent">
                {words('consent.allow')}
              </Button>
              <Button kind="secondary" name="x_action" value="cancel">
                {words('common.cancel')}
              </Button>
            </Buttons>
          </Form>
          {/^https?:/.test(about.leadsTo) ? (
            <Hint>
              <T k="common.opens" vars={{ host: hostOf(about.leadsTo) }} />
            </Hint>
          ) : null}
          {policies ? (
            <Alternatives>
              <span>
                <T
                  k={`consent.${policies}`}
                  tags={{
                    terms: (text) => <a href={terms}>{text}</a>,
                    privacy: (text) => <a href={policy}>{text}</a>,
                  }}
                />
              </span>
            </Alternatives>
          ) : null}
        </>
      ),
    })
  },

  async approveDevice(c, about) {
    const visit = await visitOf(c)
    const { words } = visit
    const client = at(c).project.clients.get(about.clientId)
    const user = await nameOf(c, about.userId)
    return draw(visit, {
      title: { k: 'device.approve_title', vars: { client: client?.client_name ?? client?.name ?? about.clientId } },
      body: (
        <>
          <Lead>{words('device.approve_code')}</Lead>
          <Literal large>{about.userCode}</Literal>
          <Notice tone="warn">{words('device.approve_warning')}</Notice>
          {client !== undefined && isThirdParty(client) ? <Scopes scopes={about.scopes} /> : null}
          <Hint>
            <T k="device.approve_as" vars={{ user }} />
          </Hint>
          <Form action={about.action}>
            <Buttons>
              <Button name="x_action" value="consent">
                {words('device.allow')}
              </Button>
              <Button kind="secondary" name="x_action" value="cancel">
                {words('common.cancel')}
              </Button>
            </Buttons>
          </Form>
        </>
      ),
    })
  },

  async confirmLogout(c, about) {
    const visit = await visitOf(c)
    const { words, site } = visit
    return draw(visit, {
      title: { k: 'logout.title', vars: { app: site.name } },
      leadsTo: about.leadsTo === undefined ? [] : [about.leadsTo],
      body: (
        <>
          <Lead>
            <T k="logout.help" vars={{ app: site.name }} />
          </Lead>
          <Form action={about.action} hidden={{ x_action: 'logout' }}>
            <Buttons>
              <Button>{words('logout.submit')}</Button>
              <Button kind="secondary" href="/settings">
                {words('logout.stay')}
              </Button>
            </Buttons>
          </Form>
        </>
      ),
    })
  },

  async loggedOut(c) {
    const visit = await visitOf(c)
    const { words } = visit
    return draw(visit, {
      title: { k: 'logout.done_title' },
      emblem: <Emblem icon="out" tone="ok" />,
      body: (
        <>
          <Lead>{words('logout.done')}</Lead>
          <Button href="/login">{words('common.sign_in')}</Button>
        </>
      ),
    })
  },

  async protocolError(c, about) {
    const visit = await visitOf(c)
    return fail(visit, {
      title: { k: 'page_error.protocol.title' },
      texts: [{ k: 'page_error.protocol.text' }],
      more: <Literal>{`${about.error}: ${about.description}`}</Literal>,
      action: null,
      status: 400,
    })
  },

  async formPost(c, uri, members) {
    const visit = await visitOf(c)
    const { words } = visit
    const app = hostOf(uri)
    return draw(visit, {
      title: { k: 'form_post.title', vars: { app } },
      leadsTo: [uri],
      body: (
        <form method="post" action={uri} data-send-now>
          {members.map(([name, value]) => (
            <input type="hidden" name={name} value={value} />
          ))}
          <Lead>
            <T k="form_post.text" vars={{ app }} />
          </Lead>
          <Button>{words('form_post.submit', { app })}</Button>
        </form>
      ),
    })
  },
}
