// What a page is: it draws one option of a question, and reads one form into the input that the API would have sent.
import type { Child } from 'hono/jsx'
import type { FlowView } from '../flows/answer.ts'
import type { FlowType } from '../flows/config.ts'
import type { ActionData, AuthenticateOption, CreateOption, DestinationOption } from '../flows/turn.ts'
import { mask } from '../identities/login_id.ts'
import type { Vars } from '../localization/words.ts'
import type { Problem } from './errors.ts'
import type { Visit } from './visit.ts'

/** A way to answer a question that offers several. */
export type Option = AuthenticateOption | CreateOption | DestinationOption

/** A question, and the one of its options that the person is looking at. */
export type Asked = {
  view: FlowView
  options: readonly Option[]
  /** Place in `options` of the one looked at. */
  index: number
  /** The question that was answered by choosing this one, so that another choice can be offered. */
  from?: FlowView | undefined
}

/** Fields of a form by name; a field that was not sent is empty. */
export type Form = { get(name: string): string; has(name: string): boolean }

/** The form's answer, or what is wrong with it before anybody is asked. */
export type Reading = { input: Record<string, unknown> } | { problem: Problem }

/** A file that a page hands out. */
export type TextFile = { name: string; text: string }

export type Page = {
  path: string
  /** Whether it is made for this question, seen with this option. */
  draws(asked: Asked): boolean
  /** `action` is the form's `x_action`. */
  read(form: Form, asked: Asked, action: string, visit: Visit): Reading
  view(asked: Asked, visit: Visit): { title: { k: string; vars?: Vars }; body: Child; back?: string | undefined }
  /** Fields whose text may be shown again. Never a password or a code. */
  keeps?: readonly string[] | 'all'
  /** What a button downloads, instead of giving an answer. */
  file?(asked: Asked, action: string, visit: Visit): TextFile | undefined
  /** Where `x_action=cancel` leads instead of giving an answer. */
  cancels?(visit: Visit): string
  /** It opens without a flow, and begins one of this type. */
  begins?(visit: Visit): FlowType
}

/** The data of a question, when it is of this type. */
export function dataOf<T extends NonNullable<ActionData['type']>>(view: FlowView, type: T) {
  const { data } = view.action
  return data.type === type ? (data as Extract<ActionData, { type: T }>) : undefined
}

/** A question with the option at `index`, or with its first one. */
export function askedOf(view: FlowView, index = 0, from?: FlowView): Asked {
  const data =
    dataOf(view, 'authentication_data') ??
    dataOf(view, 'create_authenticator_data') ??
    dataOf(view, 'account_recovery_select_destination_data')
  const options: readonly Option[] = data?.options ?? []
  return { view, options, index: index in options ? index : 0, from }
}

type Choices = {
  authentication_data: AuthenticateOption
  create_authenticator_data: CreateOption
}

/** The option looked at, when its question is of this type. */
export function optionOf<T extends keyof Choices>(asked: Asked, type: T): Choices[T] | undefined {
  return asked.view.action.data.type === type ? (asked.options[asked.index] as Choices[T] | undefined) : undefined
}

/** A masked target as the person knows it, when they typed it or are signed in with it: a slip shows only unmasked. */
export function unmasked(view: FlowView, masked: string): string {
  const { loginId, account } = view.about
  const own = [...(loginId === undefined ? [] : [loginId]), ...(account?.loginIds ?? [])]
  return own.find(({ type, value }) => mask(type, value) === masked)?.value ?? masked
}
