// The pieces that pages are put together from, apart from fields and rows. Plain props in, markup out.
import type { Child, PropsWithChildren } from 'hono/jsx'
import { clock, countdown, day } from '../localization/time.ts'
import { Icon, type IconName } from './icons.tsx'
import { T, useWords } from './sentences.tsx'

/** A form that posts to the page it is on. The server checks everything, so that every browser says the same. */
export function Form({
  action,
  method = 'post',
  hidden = {},
  id,
  upload,
  bare,
  asleep,
  goesOn,
  children,
}: PropsWithChildren<{
  action?: string | undefined
  method?: 'post' | 'get' | undefined
  /** Fields that nobody sees, such as `x_action`. */
  hidden?: Readonly<Record<string, string | undefined>> | undefined
  id?: string | undefined
  /** It holds a file field. */
  upload?: boolean | undefined
  /** No gaps of its own: it wraps a lone button. */
  bare?: boolean | undefined
  /** With script it is not there until a countdown that `wakes` it has ended. */
  asleep?: boolean | undefined
  /** It waits for another device: script sends it once the page, fetched again, says `now`. */
  goesOn?: 'later' | 'now' | undefined
}>) {
  return (
    <form
      class={bare ? undefined : 'form'}
      id={id}
      action={action}
      method={method}
      enctype={upload ? 'multipart/form-data' : undefined}
      data-asleep={asleep ? '' : undefined}
      data-goes-on={goesOn}
      novalidate
    >
      {Object.entries(hidden).map(([name, value]) =>
        value === undefined ? null : <input type="hidden" name={name} value={value} />,
      )}
      {children}
    </form>
  )
}

export type ButtonProps = PropsWithChildren<{
  /** `primary` is filled: one a page. `text` looks like a link and still posts. `provider` has its icon at the start. */
  kind?: 'primary' | 'secondary' | 'danger' | 'provider' | 'text' | undefined
  name?: string | undefined
  value?: string | undefined
  /** A link in the shape of a button. */
  href?: string | undefined
  icon?: Child | undefined
  small?: boolean | undefined
  label?: string | undefined
  /** The id of the form it belongs to, when it stands outside. */
  form?: string | undefined
  id?: string | undefined
  autofocus?: boolean | undefined
  /** Its answer is a file, so that the page stays and the button may be pressed again. */
  download?: boolean | undefined
}>

/** A button that submits the form around it, or with `href` a link that looks the same. */
export function Button(props: ButtonProps) {
  const { kind = 'primary', href, icon, small, label, name, value, form, id, autofocus, download, children } = props
  const look = ['button', kind, small ? 'small' : ''].filter(Boolean).join(' ')
  const inner = (
    <>
      {icon ? <span class="button-icon">{icon}</span> : null}
      <span class="button-label">{children}</span>
    </>
  )
  if (href !== undefined) {
    return (
      <a class={look} href={href} id={id} aria-label={label}>
        {inner}
      </a>
    )
  }
  return (
    <button
      class={look}
      type="submit"
      name={name}
      value={value}
      form={form}
      id={id}
      autofocus={autofocus}
      aria-label={label}
      data-again={download ? '' : undefined}
    >
      {inner}
    </button>
  )
}

/** Buttons of one question: beneath each other, or beside each other where both are short. */
export function Buttons({ beside, children }: PropsWithChildren<{ beside?: boolean }>) {
  return <div class={beside ? 'buttons beside' : 'buttons'}>{children}</div>
}

/** Other ways on, below the button: links, sentences with a link, or buttons that look like one. */
export function Alternatives({ children }: { children?: Child }) {
  const items = (Array.isArray(children) ? children.flat() : [children]).filter(
    (item) => item !== null && item !== undefined && item !== false,
  )
  if (items.length === 0) return null
  return (
    <ul class="alternatives">
      {items.map((item) => (
        <li>{item}</li>
      ))}
    </ul>
  )
}

const toneIcons = { danger: 'alert', ok: 'check', warn: 'alert', info: 'info' } as const

export type Tone = keyof typeof toneIcons

/** News about the page as a whole. Trouble is announced at once, the rest when there is a pause. */
export function Notice({ tone = 'info', children }: PropsWithChildren<{ tone?: Tone | undefined }>) {
  return (
    <div class={`notice ${tone}`} role={tone === 'danger' ? 'alert' : 'status'}>
      <Icon name={toneIcons[tone]} />
      <div>{children}</div>
    </div>
  )
}

/** Several fields need another look: takes the focus and leads to each. With one problem, focus its field instead. */
export function ErrorSummary({ problems }: { problems: readonly { field: string; label: string; text: string }[] }) {
  if (problems.length < 2) return null
  return (
    <div class="notice danger" role="alert" tabindex={-1} autofocus>
      <Icon name="alert" />
      <div>
        <p class="notice-title">
          <T k="common.problems" vars={{ n: problems.length }} />
        </p>
        <ul class="problems">
          {problems.map(({ field, label, text }) => (
            <li>
              <a href={`#${field}`}>
                <T k="common.problem_in" vars={{ label, text }} />
              </a>
            </li>
          ))}
        </ul>
      </div>
    </div>
  )
}

/** A short mark on something: its state or rank. */
export function Chip({ tone, children }: PropsWithChildren<{ tone?: Tone | undefined }>) {
  return <span class={tone ? `chip ${tone}` : 'chip'}>{children}</span>
}

/** A paragraph beneath the title. */
export function Lead({ children }: PropsWithChildren) {
  return <p class="lead">{children}</p>
}

/** Something to know that is not news: below the field or the button it is about. */
export function Hint({ children }: PropsWithChildren) {
  return <p class="hint">{children}</p>
}

/**
 * Seconds that must pass. Without script it stands as the server counted it; with script it ticks, and at its end says
 * `ready` and shows the form with the id `wakes`, which was asleep.
 * @param k a sentence with a variable `time`
 * @param stays shows `ready` at the end instead of going away
 */
export function Countdown({
  seconds,
  k,
  ready,
  wakes,
  stays,
}: {
  seconds: number
  k: string
  ready: string
  wakes?: string | undefined
  stays?: boolean | undefined
}) {
  const words = useWords()
  const whole = Math.ceil(seconds)
  if (whole <= 0) return null
  return (
    <p
      class="hint"
      data-countdown={String(whole)}
      data-text={words(k, { time: '%' })}
      data-ready={words(ready)}
      data-stays={stays ? '' : undefined}
      data-wakes={wakes}
    >
      <T k={k} vars={{ time: countdown(whole) }} />
    </p>
  )
}

/** Asks for a new code (or link): how long to wait first, and the button. Works before the time too; the server explains. */
export function Resend({
  seconds,
  what = 'code',
  hidden,
}: {
  seconds: number
  what?: 'code' | 'link' | undefined
  hidden?: Readonly<Record<string, string | undefined>> | undefined
}) {
  const words = useWords()
  return (
    <div class="resend">
      <Countdown seconds={seconds} k={`${what}.resend_wait`} ready={`${what}.resend_ready`} wakes="resend" />
      <Form bare id="resend" asleep={seconds > 0} hidden={hidden ?? { x_action: 'resend' }}>
        <Button kind="text">{words(`${what}.resend`)}</Button>
      </Form>
    </div>
  )
}

/** Copies the text of the element `of`; there is no such button without script. */
export function Copy({ of, k }: { of: string; k: string }) {
  const words = useWords()
  return (
    <button class="button secondary small scripted" type="button" data-copy={of} data-copied={words('common.copied')}>
      <span class="button-label">{words(k)}</span>
    </button>
  )
}

/** Prints the page; there is no such button without script. */
export function Print() {
  const words = useWords()
  return (
    <button class="button secondary small scripted" type="button" data-print="">
      <span class="button-label">{words('common.print')}</span>
    </button>
  )
}

/** A moment, in the page's language and UTC; script turns it into the person's own zone. */
export function Moment({ at, show = 'clock' }: { at: Date; show?: 'clock' | 'day' | undefined }) {
  const { lang } = useWords()
  return (
    <time datetime={at.toISOString()} data-moment={show}>
      {show === 'clock' ? clock(lang, at) : day(lang, at)}
    </time>
  )
}

/** A person: picture or initial, name, and what they sign in with. */
export function Person({
  name,
  detail,
  picture,
}: {
  name: string
  detail?: string | undefined
  picture?: string | undefined
}) {
  const initial = Array.from(name.replace(/^[^\p{L}\p{N}]+/u, ''))[0]?.toLocaleUpperCase() ?? ''
  return (
    <div class="person">
      {picture ? (
        <img class="avatar" src={picture} alt="" width="40" height="40" />
      ) : (
        <span class="avatar" aria-hidden="true">
          {initial || <Icon name="user" />}
        </span>
      )}
      <span class="person-text">
        <bdi class="person-name">{name}</bdi>
        {detail && detail !== name ? <bdi class="person-detail">{detail}</bdi> : null}
      </span>
    </div>
  )
}

/** Things that hold, each with a tick: what an app may do. */
export function Ticks({ items }: { items: readonly Child[] }) {
  return (
    <ul class="ticks">
      {items.map((item) => (
        <li>
          <Icon name="check" />
          <span>{item}</span>
        </li>
      ))}
    </ul>
  )
}

/** The picture of a page that reports rather than asks. */
export function Emblem({ icon, tone }: { icon: IconName; tone?: Tone | undefined }) {
  return (
    <span class={tone ? `emblem ${tone}` : 'emblem'}>
      <Icon name={icon} />
    </span>
  )
}

/** Text to compare or copy: a code, a key, a reference. */
export function Literal({ children, large }: PropsWithChildren<{ large?: boolean | undefined }>) {
  return (
    <code class={large ? 'literal large' : 'literal'} dir="ltr">
      {children}
    </code>
  )
}
