// Setting up an authenticator app: a picture to scan, the same as text, and the first code as the proof.
import { renderSVG } from 'uqr'
import { errorAt } from './draw.tsx'
import { missing } from './errors.ts'
import { CodeField, Field } from './fields.tsx'
import { dataOf, type Page } from './page.ts'
import { Button, Copy, Form, Lead, Literal } from './parts.tsx'
import { T } from './sentences.tsx'
import type { Visit } from './visit.ts'
import { OtherWays } from './ways.tsx'

/** The QR code as a picture of its own, black on white in every theme, since that is what cameras read. */
function pictureOf(uri: string): string {
  const svg = renderSVG(uri, { ecc: 'M', border: 4, pixelSize: 4 })
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`
}

/** Four letters at a time, as they are easiest to type. */
const grouped = (secret: string) => secret.replaceAll(/.{4}(?=.)/g, '$& ')

/** What to scan or type, and the form for the first code. */
export function TotpSetUp({
  visit,
  secret,
  uri,
  named,
}: {
  visit: Visit
  secret: string
  uri: string
  named?: boolean
}) {
  const { words } = visit
  return (
    <>
      <Lead>
        <T k="setup_totp.scan" />
      </Lead>
      <img class="qr" src={pictureOf(uri)} alt={words('setup_totp.picture')} width="208" height="208" />
      <div class="key">
        <p class="help" id="secret-label">
          {words('setup_totp.key')}
        </p>
        <div class="key-row">
          <Literal>
            <span id="secret">{grouped(secret)}</span>
          </Literal>
          <Copy of="secret" k="setup_totp.copy" />
        </div>
        <p class="help">
          <a href={uri}>{words('setup_totp.open')}</a>
        </p>
      </div>
      <Form hidden={{ x_action: 'submit' }}>
        <CodeField
          name="x_code"
          label={words('setup_totp.label')}
          error={errorAt(visit, 'x_code')}
          autofocus={visit.carried.problem !== undefined}
        />
        {named ? (
          <Field
            name="x_display_name"
            label={words('setup_totp.name')}
            help={words('setup_totp.name_help')}
            value={visit.carried.typed?.x_display_name}
            maxlength={60}
            autocomplete="off"
            optional
          />
        ) : null}
        <Button>{words('setup_totp.submit')}</Button>
      </Form>
    </>
  )
}

export function readTotp(text: string): { problem: ReturnType<typeof missing> } | { input: { code: string } } {
  const code = text.replaceAll(/[\s\u2010-\u2015-]/g, '')
  return code === '' ? { problem: missing('code') } : { input: { code } }
}

export const setupTotp: Page = {
  path: '/authflow/v2/setup_totp',
  draws: ({ view }) => dataOf(view, 'create_totp_data') !== undefined,
  read: (form) => readTotp(form.get('x_code')),
  view: (asked, visit) => {
    const data = dataOf(asked.view, 'create_totp_data')
    if (data === undefined) throw new Error('not a question for an authenticator app')
    return {
      title: { k: 'setup_totp.title' },
      body: (
        <>
          {TotpSetUp({ visit, secret: data.secret, uri: data.otpauth_uri })}
          <OtherWays asked={asked} visit={visit} />
        </>
      ),
    }
  },
}
