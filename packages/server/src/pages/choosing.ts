// Answers that nobody types: choosing an option, and the choices that the pages make by themselves. Rules only.
import type { FlowView } from '../flows/answer.ts'
import type { FlowType } from '../flows/config.ts'
import type { Channel } from '../flows/facts.ts'
import { askedOf, dataOf, type Option } from './page.ts'

/** Channels to offer: nothing that this server cannot send on, unless there is nothing else. */
export function offered(channels: readonly Channel[] = []): readonly Channel[] {
  const sendable = channels.filter((channel) => channel !== 'whatsapp')
  return sendable.length > 0 ? sendable : channels
}

/** The input that takes an option, or undefined when taking it needs typing. */
export function choice(view: FlowView, index: number, channel?: string): Record<string, unknown> | undefined {
  const { options } = askedOf(view)
  const option: Option | undefined = options[index]
  if (option === undefined) return undefined
  if (view.action.type === 'select_destination') return { index }
  if (!('authentication' in option)) return undefined
  const { authentication } = option
  const setUp = dataOf(view, 'create_authenticator_data') !== undefined
  if (setUp && authentication === 'secondary_totp') return { authentication }
  if (!authentication.includes('oob_otp')) return undefined
  const channels = offered(option.channels)
  const way = channels.find((one) => one === channel) ?? channels[0]
  const chosen = (option.channels?.length ?? 0) > 1 && way !== undefined ? { channel: way } : {}
  if (setUp)
    return 'target' in option && option.target !== undefined
      ? { authentication: option.authentication, ...chosen }
      : undefined
  return { authentication: option.authentication, index, ...chosen }
}

/**
 * What the pages answer for a person who has just pressed a button: a code goes out without a page that only asks
 * whether it should. Never on a GET, so that nothing is sent by opening an address.
 */
export function obvious(view: FlowView): Record<string, unknown> | undefined {
  const channels = dataOf(view, 'select_oob_otp_channels_data')?.channels
  if (channels !== undefined) {
    const [only, ...others] = offered(channels)
    return only !== undefined && others.length === 0 ? { channel: only } : undefined
  }
  const { options } = askedOf(view)
  if (view.action.type === 'select_destination') return options.length === 1 ? { index: 0 } : undefined
  return choice(view, 0)
}

/** The page that a flow of this type begins at; re-authentication begins in an app. */
export function beginningOf(type: FlowType, signupLogin: boolean): string | undefined {
  switch (type) {
    case 'login':
    case 'signup_login':
      return '/login'
    case 'signup':
      return signupLogin ? '/login' : '/signup'
    case 'promote':
      return '/flows/promote_user'
    case 'account_recovery':
      return '/authflow/v2/forgot_password'
    case 'reauth':
      return undefined
  }
}
