// Other ways on: each option of a question that is not the one on the page, as a link or as a button that sends a code.
import type { Child } from 'hono/jsx'
import type { FlowView } from '../flows/answer.ts'
import { at } from '../http/context.ts'
import { beginningOf, choice, offered } from './choosing.ts'
import { type Asked, askedOf, dataOf, type Option, type Page, unmasked } from './page.ts'
import { Alternatives, Button, Buttons, Form, Lead } from './parts.tsx'
import { T } from './sentences.tsx'
import { address, type Visit } from './visit.ts'

/** Where the person began, and may begin again. */
export function beginning(view: FlowView, visit: Visit): string | undefined {
  const { ui, authentication } = at(visit.c).project.config
  return beginningOf(view.type, ui.signup_login_flow_enabled && !authentication.public_signup_disabled)
}

const choosePath = '/authflow/v2/choose'

function labelOf(view: FlowView, option: Option): Child {
  if (!('authentication' in option)) {
    const k =
      option.channel === 'email'
        ? `way.email_${option.otp_form}`
        : option.channel === 'sms'
          ? `way.sms_${option.otp_form}`
          : 'way.whatsapp_code'
    return <T k={k} vars={{ target: unmasked(view, option.masked_display_name) }} />
  }
  const { authentication, otp_form = 'code' } = option
  const setUp = dataOf(view, 'create_authenticator_data') !== undefined
  if (authentication.endsWith('_password')) return <T k={setUp ? 'way.create_password' : 'way.password'} />
  if (authentication.endsWith('totp')) return <T k={setUp ? 'way.set_up_totp' : 'way.totp'} />
  if (authentication === 'recovery_code') return <T k="way.recovery_code" />
  const way = authentication.endsWith('oob_otp_email')
    ? (`email_${otp_form}` as const)
    : authentication.endsWith('oob_otp_sms')
      ? 'sms_code'
      : undefined
  if (way === undefined) return <T k="common.other_way" />
  if (setUp) return <T k={`way.set_up_${way}`} />
  const masked = 'masked_display_name' in option ? option.masked_display_name : undefined
  return <T k={`way.${way}`} vars={{ target: unmasked(view, masked ?? '') }} />
}

type Way = { label: Child; href: string } | { label: Child; action: string; index: number }

/** Every other option, and every option of the question before a code was sent. */
function waysOf(asked: Asked, visit: Visit): Way[] {
  const { view, options, index, from } = asked
  const at_ = (question: FlowView) => ({ x_step: question.stateToken })
  const waysTo = (question: FlowView, list: readonly Option[], skip: (place: number, option: Option) => boolean) =>
    list.flatMap((option, place): Way[] => {
      if (skip(place, option)) return []
      const label = labelOf(question, option)
      if (choice(question, place) !== undefined)
        return [{ label, action: address(visit, choosePath, at_(question)), index: place }]
      return [{ label, href: address(visit, choosePath, { ...at_(question), q_option: String(place) }) }]
    })
  if (options.length > 0) return waysTo(view, options, (place) => place === index)
  if (from === undefined) return []
  const { authentication } = view.action
  return waysTo(
    from,
    askedOf(from).options,
    (_, option) => 'authentication' in option && option.authentication === authentication,
  )
}

/** Other ways to answer, below the button; `before` stands above them. */
export function OtherWays({ asked, visit, before }: { asked: Asked; visit: Visit; before?: Child }) {
  return (
    <Alternatives>
      {[
        before,
        ...waysOf(asked, visit).map((way) =>
          'href' in way ? (
            <a href={way.href}>{way.label}</a>
          ) : (
            <Form bare action={way.action} hidden={{ x_action: 'choose', x_option: String(way.index) }}>
              <Button kind="text">{way.label}</Button>
            </Form>
          ),
        ),
      ]}
    </Alternatives>
  )
}

/**
 * Options of which none asks for typing: one button each. Also where a link to another way leads, on its way to the page
 * that is made for it.
 */
export const choose: Page = {
  path: choosePath,
  draws: (asked) => {
    const { view, options, index } = asked
    if (dataOf(view, 'select_oob_otp_channels_data') !== undefined) return true
    return options.length > 0 && choice(view, index) !== undefined
  },
  read: (form, { view }) => {
    if (dataOf(view, 'select_oob_otp_channels_data') !== undefined) return { input: { channel: form.get('x_channel') } }
    const input = choice(view, Number.parseInt(form.get('x_option'), 10), form.get('x_channel'))
    return input === undefined ? { problem: { reason: 'ValidationFailed' } } : { input }
  },
  view: (asked, visit) => {
    const { view, options, index } = asked
    const channels = dataOf(view, 'select_oob_otp_channels_data')
    const start = beginning(view, visit)
    const buttons =
      channels !== undefined
        ? offered(channels.channels).map((channel) => ({
            name: 'x_channel',
            value: channel as string,
            label: (
              <T
                k={channel === 'whatsapp' ? 'way.whatsapp_code' : channel === 'sms' ? 'way.sms_code' : 'way.email_code'}
                vars={{ target: unmasked(view, channels.masked_claim_value) }}
              />
            ) as Child,
          }))
        : options.flatMap((option, place) =>
            choice(view, place) === undefined
              ? []
              : [{ name: 'x_option', value: String(place), label: labelOf(view, option) }],
          )
    const first = buttons.findIndex((button) => button.name === 'x_option' && button.value === String(index))
    const ordered = first > 0 ? [...buttons.splice(first, 1), ...buttons] : buttons
    const typed = options.flatMap((option, place) =>
      choice(view, place) === undefined
        ? [
            <a href={address(visit, choosePath, { x_step: view.stateToken, q_option: String(place) })}>
              {labelOf(view, option)}
            </a>,
          ]
        : [],
    )
    return {
      title: {
        k:
          view.type === 'reauth'
            ? 'reauth.title'
            : view.action.type === 'select_destination'
              ? 'forgot.destination_title'
              : 'way.title',
      },
      back: start && address(visit, start, { q_login_id: view.about.loginId?.value }),
      body: (
        <>
          {view.type === 'reauth' ? (
            <Lead>
              <T k="reauth.help_code" />
            </Lead>
          ) : null}
          <Form hidden={{ x_action: 'choose' }}>
            <Buttons>
              {ordered.map(({ name, value, label }, place) => (
                <Button kind={place === 0 ? 'primary' : 'secondary'} name={name} value={value}>
                  {label}
                </Button>
              ))}
            </Buttons>
          </Form>
          <Alternatives>{typed}</Alternatives>
        </>
      ),
    }
  },
}
