// What our messages say and how mail looks. Pure: facts and words in, finished text out; sending is elsewhere.
// Mail is one table of 600 with inlined styles, since that is what mail programs agree on, and a plain-text twin.
import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import { palette, type Theme } from '../branding/theme.ts'
import { clock, duration } from '../localization/time.ts'
import type { Words } from '../localization/words.ts'

/** The message types of authentication §4.3. */
export type MessageKind =
  | 'verification'
  | 'setup-primary-oob'
  | 'setup-secondary-oob'
  | 'authenticate-primary-oob'
  | 'authenticate-secondary-oob'
  | 'forgot-password'

/** The host of the message, as people know it. `logo` is an absolute https address of a transparent picture. */
export type MessageBrand = { name: string; theme?: Theme | undefined; logo?: string | undefined }

export type MessageFacts = {
  kind: MessageKind
  words: Words
  brand: MessageBrand
  /** Either the code to enter or the address to open. */
  secret: { code: string } | { link: string }
  /** Seconds that it works for. */
  validFor: number
}

export type EmailFacts = MessageFacts & {
  to: string
  /** When it stops working, and in which zone to say so; left out, only the duration is given. */
  until?: Date | undefined
  timeZone?: string | undefined
  /** Such as `Chrome on macOS`, of the browser that asked. */
  device?: string | undefined
  /** Such as `Lisbon`, never nearer. */
  place?: string | undefined
}

export type RenderedEmail = { subject: string; text: string; html: string }

const groups: Record<MessageKind, { code: string; link: string; sms: string }> = {
  verification: { code: 'verification', link: 'sign_in_link', sms: 'verification' },
  'setup-primary-oob': { code: 'set_up', link: 'set_up_link', sms: 'set_up' },
  'setup-secondary-oob': { code: 'set_up_two_step', link: 'set_up_link', sms: 'set_up' },
  'authenticate-primary-oob': { code: 'sign_in', link: 'sign_in_link', sms: 'sign_in' },
  'authenticate-secondary-oob': { code: 'two_step', link: 'sign_in_link', sms: 'two_step' },
  'forgot-password': { code: 'reset', link: 'reset_link', sms: 'reset' },
}

/** Subject, plain text and HTML of a message by mail. */
export function renderEmail(facts: EmailFacts): RenderedEmail {
  const { kind, words, brand, secret, validFor, to, until, timeZone, device, place } = facts
  const code = 'code' in secret ? secret.code : undefined
  const link = 'link' in secret ? secret.link : undefined
  const group = `email.${groups[kind][code === undefined ? 'link' : 'code']}`
  const vars = { app: brand.name, ...(code === undefined ? {} : { code }) }

  const period = duration(words.lang, validFor)
  const subject = words(`${group}.subject`, vars).replace(/[\r\n]+/g, ' ')
  const title = words(`${group}.title`, vars)
  const text = words(`${group}.text`, vars)
  const expiry = until
    ? words('email.code_expiry_clock', { duration: period, clock: clock(words.lang, until, timeZone) })
    : words('email.code_expiry', { duration: period })
  const asked = device
    ? place
      ? words('email.asked_near', { device, place })
      : words('email.asked_device', { device })
    : undefined
  const ignored = kind === 'forgot-password' ? 'reset' : code === undefined ? 'link' : 'code'
  const ignore = words(`email.ignore_${ignored}`, vars)
  const sentTo = words('email.sent_to', { target: to, app: brand.name })

  const plain = [title, text, code ?? link, expiry, [asked, ignore].filter(Boolean).join('\n'), sentTo]
  return {
    subject,
    text: `${plain.join('\n\n')}\n`,
    html: String(
      <Mail words={words} brand={brand} subject={subject} preheader={expiry} foot={sentTo}>
        <h1 class="hg-text" style={styles.title}>
          {title}
        </h1>
        <p class="hg-text" style={styles.text}>
          {text}
        </p>
        {code === undefined ? null : <Code code={code} />}
        {link === undefined ? null : (
          <Action
            link={link}
            label={words(`${group}.button`)}
            theme={brand.theme ?? {}}
            below={words('email.link_below')}
          />
        )}
        <p class="hg-muted" style={styles.note}>
          {expiry}
        </p>
        <hr class="hg-line" style={styles.line} />
        <p class="hg-muted" style={styles.note}>
          {asked ? (
            <>
              {asked}
              <br />
            </>
          ) : null}
          {ignore}
        </p>
      </Mail>,
    ),
  }
}

export type SmsFacts = MessageFacts & {
  /** Host of the page that waits for the code: its last line lets phones fill in the code there and nowhere else. */
  host?: string | undefined
}

/**
 * A text message, in one line and a line for autofill (the origin-bound one-time code format).
 * Throws for a link of any kind but `forgot-password`: links go by mail.
 */
export function renderSms({ kind, words, brand, secret, validFor, host }: SmsFacts): string {
  const { sms } = groups[kind]
  const vars = { app: brand.name, duration: duration(words.lang, validFor) }
  if ('link' in secret) {
    if (kind !== 'forgot-password') throw new Error(`no text message carries a link for ${kind}`)
    return words('sms.reset_link', { ...vars, url: secret.link })
  }
  const sentence = words(`sms.${sms}`, { ...vars, code: secret.code })
  return host ? `${sentence}\n\n@${host} #${secret.code}` : sentence
}

/** The template a gateway or a project knows this message by (authentication §4.3), without its ending. */
export function templateName(kind: MessageKind, form: 'code' | 'link', channel: 'email' | 'sms'): string {
  if (kind === 'verification') return `verification_${channel}`
  if (kind === 'forgot-password')
    return form === 'code' ? `forgot_password_oob_${channel}` : `forgot_password_${channel}`
  const stem = kind.replaceAll('-', '_')
  return form === 'code' ? `${stem}_${channel}` : stem.replace(/_oob$/, '_login_link')
}

const colours = palette({}, 'light')
const dark = palette({}, 'dark')

const sans =
  "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,'PingFang TC','Microsoft JhengHei',sans-serif"
const mono = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace"

const styles = {
  title: `margin:0 0 8px;font-size:24px;line-height:32px;font-weight:600;color:${colours.text}`,
  text: `margin:0 0 24px;font-size:16px;line-height:24px;color:${colours.text}`,
  note: `margin:0;font-size:14px;line-height:20px;color:${colours['text-muted']}`,
  line: `margin:24px 0;border:0;border-top:1px solid ${colours.line}`,
}

/** Programs that follow the reader's scheme use these; the others keep, or turn round, the inlined colours. */
const darkSheet = `
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .hg-page { background: ${dark.page} !important; }
  .hg-card { background: ${dark.surface} !important; }
  .hg-code { background: ${dark.sunken} !important; color: ${dark.text} !important; }
  .hg-text { color: ${dark.text} !important; }
  .hg-muted, .hg-muted a { color: ${dark['text-muted']} !important; }
  .hg-line { border-color: ${dark.line} !important; }
}`

function Mail(props: {
  words: Words
  brand: MessageBrand
  subject: string
  preheader: string
  foot: string
  children?: Child
}) {
  const { words, brand, subject, preheader, foot, children } = props
  return (
    <>
      {raw('<!doctype html>')}
      <html lang={words.lang} dir={words.dir}>
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <meta name="supported-color-schemes" content="light dark" />
          <meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no" />
          <title>{subject}</title>
          <style>{raw(darkSheet)}</style>
        </head>
        <body
          class="hg-page"
          style={`margin:0;padding:0;background:${colours.page};font-family:${sans};-webkit-text-size-adjust:100%`}
        >
          <div style="display:none;max-height:0;overflow:hidden;mso-hide:all">
            {preheader}
            {/* Keeps the list of messages from going on with the heading. */}
            {raw('&#847;&zwnj;&nbsp;'.repeat(60))}
          </div>
          <table
            class="hg-page"
            role="presentation"
            width="100%"
            cellpadding="0"
            cellspacing="0"
            border={0}
            style={`background:${colours.page}`}
          >
            <tr>
              <td align="center" style="padding:32px 16px">
                <table
                  class="hg-card"
                  role="presentation"
                  width="600"
                  cellpadding="0"
                  cellspacing="0"
                  border={0}
                  style={`width:100%;max-width:600px;background:${colours.surface};border-radius:12px;text-align:start`}
                >
                  <tr>
                    <td style={`padding:40px 32px;font-family:${sans}`}>
                      <Brand brand={brand} />
                      {children}
                    </td>
                  </tr>
                </table>
                <p class="hg-muted" style={`${styles.note};max-width:536px;padding:24px 16px 0;text-align:center`}>
                  {foot}
                </p>
              </td>
            </tr>
          </table>
        </body>
      </html>
    </>
  )
}

function Brand({ brand }: { brand: MessageBrand }) {
  return (
    <div style="margin:0 0 32px">
      {brand.logo ? (
        <img
          src={brand.logo}
          alt={brand.name}
          height="40"
          class="hg-text"
          style={`display:block;height:40px;width:auto;max-width:100%;border:0;font-size:18px;line-height:40px;font-weight:600;color:${colours.text}`}
        />
      ) : (
        <span class="hg-text" style={`font-size:18px;line-height:24px;font-weight:600;color:${colours.text}`}>
          {brand.name}
        </span>
      )}
    </div>
  )
}

function Code({ code }: { code: string }) {
  return (
    <div
      class="hg-code"
      dir="ltr"
      style={`margin:0 0 16px;padding:20px 16px;border-radius:8px;background:${colours.sunken};color:${colours.text};font-family:${mono};font-size:32px;line-height:40px;font-weight:600;letter-spacing:4px;text-align:center;white-space:nowrap;-webkit-user-select:all;user-select:all`}
    >
      {code}
    </div>
  )
}

function Action({ link, label, below, theme }: { link: string; label: string; below: string; theme: Theme }) {
  const brand = palette(theme, 'light')
  const edge = brand.edge === 'transparent' ? brand.fill : brand.edge
  return (
    <>
      <table role="presentation" cellpadding="0" cellspacing="0" border={0} style="margin:0 0 24px">
        <tr>
          <td bgcolor={brand.fill} style={`border:1px solid ${edge};border-radius:6px`}>
            <a
              href={link}
              style={`display:inline-block;padding:12px 24px;font-size:16px;line-height:24px;font-weight:600;color:${brand['on-fill']};text-decoration:none`}
            >
              {label}
            </a>
          </td>
        </tr>
      </table>
      <p class="hg-muted" style={`${styles.note};margin:0 0 16px`}>
        {below}
        <br />
        <a
          href={link}
          dir="ltr"
          class="hg-muted"
          style={`color:${colours['text-muted']};text-decoration:underline;word-break:break-all`}
        >
          {link}
        </a>
      </p>
    </>
  )
}
