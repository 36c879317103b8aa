// The second step of a signed-in person: what it is made of, and how each part stands.
import {
  addSecondPassword,
  changeSecondPassword,
  forgetDevices,
  mayAdd,
  offeredFactors,
  removeSecondFactor,
  renewRecoveryCodes,
  type SecondFactorType,
  secondFactorsOf,
} from '../../account/second_factors.ts'
import { countDeviceTokens } from '../../authenticators/device_token.ts'
import { policyData } from '../../authenticators/password_policy.ts'
import { countRecoveryCodes } from '../../authenticators/recovery_code_store.ts'
import { listedRecoveryCodes } from '../../authenticators/recovery_codes.ts'
import type { Authenticator } from '../../authenticators/store.ts'
import { at } from '../../http/context.ts'
import { day } from '../../localization/time.ts'
import { scopeOf } from '../../projects/find.ts'
import { Refusal } from '../../refusal.ts'
import { carry } from '../carried.ts'
import { NewPassword, readNewPassword } from '../create_password.tsx'
import { download, draw, errorAt, redirect } from '../draw.tsx'
import { featureDisabled } from '../failures.tsx'
import { PasswordField } from '../fields.tsx'
import type { IconName } from '../icons.tsx'
import { Button, Form, Lead } from '../parts.tsx'
import { Empty, Row, Rows } from '../rows.tsx'
import { T } from '../sentences.tsx'
import { Codes, codesFile } from '../view_recovery_code.tsx'
import { address, type Visit } from '../visit.ts'
import { confirm } from './confirm.tsx'
import { onTo, type Person, refused, type SettingsPage } from './person.ts'

export const twoStepPath = '/settings/mfa'
export const listPath = (type: SecondFactorType) => `${twoStepPath}/${type}`
const codesPath = `${twoStepPath}/view_recovery_code`

const icons: Record<SecondFactorType, IconName> = {
  totp: 'shield',
  oob_otp_email: 'mail',
  oob_otp_sms: 'phone',
  password: 'key',
}

/** Types to show: those on offer, and those that the person has from before. */
function shownTypes(visit: Visit, held: readonly Authenticator[]): SecondFactorType[] {
  const all = ['totp', 'oob_otp_email', 'oob_otp_sms', 'password'] as const
  const offered = offeredFactors(at(visit.c).project.config)
  const rest = all.filter((type) => !offered.includes(type) && held.some((one) => one.type === type))
  return [...offered, ...rest]
}

/** How a factor is called towards its owner. */
function nameOf(visit: Visit, one: Authenticator): string {
  if (one.target !== null) return one.target
  const given = one.data.display_name
  return typeof given === 'string' && given !== '' ? given : visit.words(`two_step.${one.type}`)
}

// ---- codes, sealed for the page that shows them once ----------------------------------------------------------------

const codesContext = (visit: Visit, person: Person) => `new codes ${at(visit.c).project.id} ${person.user.id}`
const shownFor = 10 * 60_000

/** On to the new recovery codes, which this address shows to their owner for ten minutes. */
export function showCodes(visit: Visit, person: Person, codes: readonly string[]): Promise<Response> {
  const until = visit.now.getTime() + shownFor
  const sealed = at(visit.c).node.sealer.seal(JSON.stringify({ codes, until }), codesContext(visit, person))
  return onTo(visit, `${codesPath}?${new URLSearchParams({ q_token: sealed })}`)
}

function newCodes(visit: Visit, person: Person): string[] | undefined {
  const sealed = visit.url.searchParams.get('q_token')
  if (sealed === null) return undefined
  try {
    const text = at(visit.c).node.sealer.open(sealed, codesContext(visit, person)).toString()
    const { codes, until } = JSON.parse(text) as { codes: string[]; until: number }
    return visit.now.getTime() < until ? codes : undefined
  } catch {
    return undefined
  }
}

// ---- the overview ---------------------------------------------------------------------------------------------------

const overview: SettingsPage = {
  path: twoStepPath,
  async get(visit, { user }) {
    const { words, now } = visit
    const { node, world, project } = at(visit.c)
    const scope = scopeOf(world.db, project)
    const held = await secondFactorsOf(node, project, user.id)
    const types = shownTypes(visit, held)
    if (types.length === 0) return featureDisabled(visit)
    const { recovery_code, device_token } = project.config.authentication
    const left = held.length === 0 ? 0 : await countRecoveryCodes(scope, user.id)
    const trusted = await countDeviceTokens(scope, user.id, now)
    const value = (type: SecondFactorType) => {
      const n = held.filter((one) => one.type === type).length
      if (n === 0) return words('common.not_set')
      return type === 'password' ? words('settings.password_set') : words('two_step.count', { n })
    }
    return draw(visit, {
      title: { k: 'two_step.title' },
      back: '/settings',
      shape: 'list',
      body: (
        <>
          <Lead>{words('two_step.help')}</Lead>
          <Rows title={words('two_step.section.factors')}>
            {types.map((type) => (
              <Row label={words(`two_step.${type}`)} icon={icons[type]} value={value(type)} href={listPath(type)} />
            ))}
          </Rows>
          {recovery_code.disabled ? null : (
            <Rows title={words('two_step.section.rescue')}>
              <Row
                label={words('two_step.recovery')}
                icon="lock"
                value={
                  held.length === 0 ? words('two_step.recovery_none') : words('two_step.recovery_left', { n: left })
                }
                href={codesPath}
              />
            </Rows>
          )}
          {device_token.disabled && trusted === 0 ? null : (
            <Rows title={words('two_step.section.devices')}>
              <Row
                label={words('two_step.devices', { n: trusted })}
                icon="laptop"
                action={
                  trusted === 0 ? undefined : (
                    <Form bare hidden={{ x_action: 'revoke_device' }}>
                      <Button kind="secondary" small>
                        {words('two_step.forget')}
                      </Button>
                    </Form>
                  )
                }
              />
            </Rows>
          )}
        </>
      ),
    })
  },
  async post(visit, { user }, form) {
    const { node, project } = at(visit.c)
    if (form.get('x_action') !== 'revoke_device') return onTo(visit, twoStepPath)
    const n = await forgetDevices(node, project, user.id)
    return onTo(visit, twoStepPath, { k: 'two_step.forgotten', vars: { n } })
  },
}

// ---- one kind of factor -----------------------------------------------------------------------------------------------

const addPaths: Record<SecondFactorType, string> = {
  totp: `${twoStepPath}/create_totp`,
  oob_otp_email: `${twoStepPath}/create_oob_otp_email`,
  oob_otp_sms: `${twoStepPath}/create_oob_otp_sms`,
  password: `${twoStepPath}/create_password`,
}

function list(type: SecondFactorType): SettingsPage {
  const path = listPath(type)
  return {
    path,
    async get(visit, { user }) {
      const { words } = visit
      const { node, project } = at(visit.c)
      const held = await secondFactorsOf(node, project, user.id)
      const these = held.filter((one) => one.type === type)
      const asked = these.find((one) => one.id === visit.url.searchParams.get('q_authenticator_id'))
      if (asked !== undefined)
        return confirm(visit, {
          title: { k: 'two_step.remove_title', vars: { what: nameOf(visit, asked) } },
          text: held.length === 1 ? 'two_step.remove_last_text' : 'two_step.remove_text',
          hidden: { x_action: 'remove', x_authenticator_id: asked.id },
          submit: 'two_step.remove',
          keep: path,
        })
      const more = mayAdd(project.config, type, held)
      if (!more && these.length === 0) return featureDisabled(visit)
      return draw(visit, {
        title: { k: `two_step.${type}` },
        back: twoStepPath,
        shape: 'list',
        body: (
          <>
            <Lead>{words(`two_step.${type}_help`)}</Lead>
            {these.length === 0 ? (
              <Empty icon={icons[type]}>{words(`two_step.${type}_empty`)}</Empty>
            ) : (
              <Rows>
                {these.map((one) => (
                  <Row
                    label={<bdi dir={one.target === null ? undefined : 'ltr'}>{nameOf(visit, one)}</bdi>}
                    icon={icons[type]}
                    value={<T k="two_step.since" vars={{ day: day(words.lang, one.created_at) }} />}
                    action={
                      <Button
                        kind="secondary"
                        small
                        href={`${path}?q_authenticator_id=${one.id}`}
                        label={words('two_step.remove_label', { what: nameOf(visit, one) })}
                      >
                        {words('two_step.remove')}
                      </Button>
                    }
                  />
                ))}
              </Rows>
            )}
            {more ? <Button href={addPaths[type]}>{words(`two_step.${type}_add`)}</Button> : null}
            {type === 'password' && these.length > 0 ? (
              <Button kind="secondary" href={`${twoStepPath}/change_password`}>
                {words('two_step.password_change')}
              </Button>
            ) : null}
          </>
        ),
      })
    },
    async post(visit, { user }, form) {
      const { node, project } = at(visit.c)
      if (form.get('x_action') !== 'remove') return redirect(visit.c, addPaths[type])
      try {
        const gone = await removeSecondFactor(node, project, user.id, form.get('x_authenticator_id'))
        return onTo(visit, path, { k: 'two_step.removed', vars: { what: nameOf(visit, gone) } })
      } catch (error) {
        return refused(visit, error)
      }
    },
  }
}

/** Done: the first factor brings recovery codes to look at, any other only good news. */
export function added(
  visit: Visit,
  person: Person,
  type: SecondFactorType,
  codes: readonly string[] | undefined,
): Promise<Response> {
  if (codes !== undefined) return showCodes(visit, person, codes)
  return onTo(visit, listPath(type), { k: 'two_step.added', vars: { what: visit.words(`two_step.${type}`) } })
}

// ---- the second password ----------------------------------------------------------------------------------------------

function passwordPage(what: 'create' | 'change'): SettingsPage {
  return {
    path: `${twoStepPath}/${what}_password`,
    get(visit) {
      const { words } = visit
      const { problem } = visit.carried
      const oldIsRight = problem !== undefined && problem.field !== 'x_old_password'
      return draw(visit, {
        title: { k: what === 'create' ? 'two_step.password_add' : 'two_step.password_change' },
        back: listPath('password'),
        body: (
          <Form>
            {what === 'change' ? (
              <PasswordField
                kind="current"
                name="x_old_password"
                label={words('password.current')}
                error={errorAt(visit, 'x_old_password', 'other')}
                autofocus={!oldIsRight}
              />
            ) : null}
            {NewPassword({
              visit,
              name: what === 'create' ? 'x_password' : 'x_new_password',
              label: words('password.new'),
              policy: policyData(at(visit.c).project.config.authenticator.password.policy),
              autofocus: what === 'create' || oldIsRight,
            })}
            <Button>{words('two_step.password_submit')}</Button>
          </Form>
        ),
      })
    },
    async post(visit, person, form) {
      const { node, project, caller } = at(visit.c)
      const here = visit.url.pathname + visit.url.search
      const name = what === 'create' ? 'x_password' : 'x_new_password'
      const read = readNewPassword(form, name, (password) => ({ password }))
      if ('problem' in read) {
        carry(visit.c, here, { problem: { field: name, ...read.problem } })
        return redirect(visit.c, here)
      }
      const next = String(read.input.password)
      try {
        if (what === 'create')
          return added(visit, person, 'password', await addSecondPassword(node, project, person.user.id, next))
        const old = form.get('x_old_password')
        await changeSecondPassword(node, project, person.user.id, { old, new: next, ip: caller.ip })
        return onTo(visit, listPath('password'), { k: 'two_step.password_changed' })
      } catch (error) {
        if (!(error instanceof Refusal) || error.reason !== 'InvalidCredentials') return refused(visit, error)
        carry(visit.c, here, { problem: { reason: 'current_password', field: 'x_old_password' } })
        return redirect(visit.c, here)
      }
    },
  }
}

// ---- recovery codes ---------------------------------------------------------------------------------------------------

/** What this page may show now: codes just made, or those that the project lets people see again. */
async function visibleCodes(visit: Visit, person: Person): Promise<{ code: string; used?: boolean }[] | undefined> {
  const fresh = newCodes(visit, person)
  if (fresh !== undefined) return fresh.map((code) => ({ code }))
  const { node, world, project } = at(visit.c)
  if (!project.config.authentication.recovery_code.list_enabled) return undefined
  return listedRecoveryCodes(scopeOf(world.db, project), node.sealer, person.user.id)
}

const recoveryCodes: SettingsPage = {
  path: codesPath,
  async get(visit, person) {
    const { words, url } = visit
    const { node, world, project } = at(visit.c)
    if (project.config.authentication.recovery_code.disabled) return featureDisabled(visit)
    const held = await secondFactorsOf(node, project, person.user.id)
    if (url.searchParams.has('q_renew') && held.length > 0)
      return confirm(visit, {
        title: { k: 'two_step.codes_renew_title' },
        text: 'two_step.codes_renew_text',
        hidden: { x_action: 'regenerate' },
        submit: 'two_step.codes_renew',
        keep: codesPath,
      })
    const fresh = newCodes(visit, person)
    if (fresh !== undefined)
      return draw(visit, {
        title: { k: 'recovery_codes.title' },
        body: (
          <>
            <Lead>{words('recovery_codes.help')}</Lead>
            <Codes codes={fresh.map((code) => ({ code }))} />
            <Form hidden={{ x_action: 'proceed' }}>
              <Button>{words('recovery_codes.submit')}</Button>
            </Form>
          </>
        ),
      })
    const listed = await visibleCodes(visit, person)
    const left = await countRecoveryCodes(scopeOf(world.db, project), person.user.id)
    return draw(visit, {
      title: { k: 'two_step.codes_title' },
      back: twoStepPath,
      body: (
        <>
          <Lead>{words('two_step.codes_help')}</Lead>
          <Lead>
            {held.length === 0 ? words('two_step.codes_unset') : <T k="two_step.codes_left" vars={{ n: left }} />}
          </Lead>
          {listed === undefined ? null : <Codes codes={listed} />}
          {held.length === 0 ? null : (
            <Button kind={left === 0 ? 'primary' : 'secondary'} href={`${codesPath}?q_renew=true`}>
              {words('two_step.codes_renew')}
            </Button>
          )}
        </>
      ),
    })
  },
  async post(visit, person, form) {
    const { node, project } = at(visit.c)
    switch (form.get('x_action')) {
      case 'download': {
        const codes = (await visibleCodes(visit, person))?.filter((one) => !one.used).map((one) => one.code)
        return codes === undefined ? onTo(visit, codesPath) : download(visit.c, codesFile(visit, codes))
      }
      case 'regenerate':
        try {
          return await showCodes(visit, person, await renewRecoveryCodes(node, project, person.user.id))
        } catch (error) {
          return refused(visit, error)
        }
      default:
        return redirect(visit.c, address(visit, twoStepPath))
    }
  },
}

export const twoStep: readonly SettingsPage[] = [
  overview,
  list('totp'),
  list('oob_otp_email'),
  list('oob_otp_sms'),
  list('password'),
  passwordPage('create'),
  passwordPage('change'),
  recoveryCodes,
]
