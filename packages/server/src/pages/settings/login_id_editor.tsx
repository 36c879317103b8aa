// A login ID on its way into an account: typed, confirmed by its code, and added or put in another's place.
import {
  checkVerification,
  markVerified,
  mustVerify,
  readWanted,
  saveLoginId,
  sendVerification,
  verificationShown,
  type Wanted,
} from '../../account/login_ids.ts'
import { at } from '../../http/context.ts'
import { type Identity, identitiesOf } from '../../identities/store.ts'
import type { Asker } from '../../messaging/codes.ts'
import { scopeOf } from '../../projects/find.ts'
import { Refusal } from '../../refusal.ts'
import { carry } from '../carried.ts'
import { draw, errorAt, redirect } from '../draw.tsx'
import { NothingYet, secondsUntil } from '../enter_oob_otp.tsx'
import { CodeField, IdentifierField } from '../fields.tsx'
import type { Form as Fields } from '../page.ts'
import { Button, Form, Lead, Resend } from '../parts.tsx'
import { T } from '../sentences.tsx'
import { address, type Visit } from '../visit.ts'
import { done, type Person, refused, type SettingsPage } from './person.ts'

export type Type = 'email' | 'phone' | 'username'
export const listOf = (type: Type) => `/settings/identity/${type}`

/** A login ID that waits for its code travels sealed in the address, for this person alone. */
export function sealed(visit: Visit, person: Person, wanted: Wanted): string {
  const { node, project } = at(visit.c)
  return node.sealer.seal(JSON.stringify(wanted), `login id ${project.id} ${person.user.id}`)
}

function opened(visit: Visit, person: Person): Wanted {
  const { node, project } = at(visit.c)
  try {
    const text = visit.url.searchParams.get('q_token') ?? ''
    return JSON.parse(node.sealer.open(text, `login id ${project.id} ${person.user.id}`).toString()) as Wanted
  } catch {
    throw new Refusal({ name: 'Invalid', reason: 'AccountManagementTokenInvalid', message: 'this address has expired' })
  }
}

export function asker(visit: Visit): Asker {
  const { origin, caller } = at(visit.c)
  return { ...caller, origin, uiLocales: visit.words.lang }
}

export async function heldBy(visit: Visit, userId: string, type: Type): Promise<Identity[]> {
  const { world, project } = at(visit.c)
  const all = await identitiesOf(scopeOf(world.db, project), userId)
  return all.filter((one) => one.login_id_type === type)
}

export function editor(type: Type, what: 'add' | 'change'): SettingsPage {
  return {
    path: `/settings/identity/${what}_${type}`,
    async get(visit, { user }) {
      const { words } = visit
      const { searchParams } = visit.url
      const prefill = visit.carried.typed?.x_login_id ?? searchParams.get('q_login_id') ?? ''
      const held = what === 'add' ? [] : await heldBy(visit, user.id, type)
      const named = searchParams.get('q_identity_id')
      const old = named === null ? held[0] : held.find(({ id }) => id === named)
      return draw(visit, {
        title: { k: `${type}_list.${what}` },
        back: old === undefined ? listOf(type) : `/settings/identity/view_${type}?q_identity_id=${old.id}`,
        leadsTo: visit.request === undefined ? [] : [visit.request.redirectUri],
        body: (
          <>
            {old?.login_id ? (
              <Lead>
                <T k={`${type}_list.current`} vars={{ target: old.login_id }} />
              </Lead>
            ) : null}
            <Form>
              <IdentifierField
                name="x_login_id"
                kinds={[type]}
                use="sign-up"
                label={old === undefined ? undefined : words(`${type}_list.new`)}
                value={prefill}
                error={errorAt(visit, 'x_login_id')}
                autofocus
              />
              <Button>{words('common.continue')}</Button>
            </Form>
          </>
        ),
      })
    },
    post: (visit, person, form) => propose(visit, person, form, { type, what }),
  }
}

async function propose(
  visit: Visit,
  person: Person,
  form: Fields,
  { type, what }: { type: Type; what: 'add' | 'change' },
): Promise<Response> {
  const { node, world, project } = at(visit.c)
  const text = form.get('x_login_id').trim()
  try {
    const named = form.get('x_identity_id') || visit.url.searchParams.get('q_identity_id')
    const first =
      person.user.identities.length > 0 ? await identitiesOf(scopeOf(world.db, project), person.user.id) : []
    const identityId = what === 'add' ? undefined : (named ?? first.find((one) => one.login_id_type === type)?.id)
    const wanted = await readWanted(world, project, {
      userId: person.user.id,
      type,
      text,
      identityId,
      key: form.get('x_login_id_key') || undefined,
    })
    if (!mustVerify(project.config, type)) {
      await saveLoginId(world, project, wanted, { verified: false })
      return done(visit, person, listOf(type), {
        k: `${type}_list.${what === 'add' ? 'added' : 'changed'}`,
        vars: { target: wanted.loginId.value },
      })
    }
    await sendVerification(node, project, person.user.id, wanted.loginId, asker(visit))
    return redirect(
      visit.c,
      address(visit, `/settings/identity/verify_${type}`, { q_token: sealed(visit, person, wanted) }),
    )
  } catch (error) {
    return refused(visit, error, { x_login_id: text })
  }
}

export function verifier(type: 'email' | 'phone'): SettingsPage {
  return {
    path: `/settings/identity/verify_${type}`,
    async get(visit, person) {
      const { words } = visit
      const { node, project } = at(visit.c)
      const { loginId } = opened(visit, person)
      const shown = await verificationShown(node, project, person.user.id, loginId)
      return draw(visit, {
        title: { k: `${type}_list.verify` },
        back: listOf(type),
        leadsTo: visit.request === undefined ? [] : [visit.request.redirectUri],
        body: (
          <>
            <Lead>
              <T k="code.verify" vars={{ target: loginId.value }} />
            </Lead>
            <Form hidden={{ x_action: 'submit' }}>
              <CodeField
                name="x_code"
                label={words('code.label')}
                length={6}
                error={errorAt(visit, 'x_code')}
                autofocus
              />
              <Button>{words('code.submit')}</Button>
            </Form>
            <NothingYet channel={type === 'email' ? 'email' : 'sms'} target={loginId.value} />
            <Resend seconds={secondsUntil(shown.canResendAt.toISOString(), visit.now)} />
          </>
        ),
      })
    },
    async post(visit, person, form) {
      const { node, world, project, caller } = at(visit.c)
      try {
        const wanted = opened(visit, person)
        if (form.get('x_action') === 'resend') {
          await sendVerification(node, project, person.user.id, wanted.loginId, asker(visit))
          const here = visit.url.pathname + visit.url.search
          carry(visit.c, here, { news: { k: 'code.resent', vars: { target: wanted.loginId.value } } })
          return redirect(visit.c, here)
        }
        const code = form.get('x_code').replaceAll(/[\s-]/g, '')
        await checkVerification(node, project, person.user.id, wanted.loginId, code, caller.ip)
        const own = visit.url.searchParams.get('q_own') === 'true' ? wanted.identityId : undefined
        if (own === undefined) await saveLoginId(world, project, wanted, { verified: true })
        else await markVerified(world, project, person.user.id, own)
        const word = own !== undefined ? 'verified' : wanted.identityId === undefined ? 'added' : 'changed'
        return done(visit, person, listOf(type), { k: `${type}_list.${word}`, vars: { target: wanted.loginId.value } })
      } catch (error) {
        return refused(visit, error)
      }
    },
  }
}
