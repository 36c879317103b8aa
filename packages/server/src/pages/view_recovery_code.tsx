// Recovery codes, shown once: to copy, download, print or write down.
import { legible } from '../authenticators/recovery_codes.ts'
import { dataOf, type Page, type TextFile } from './page.ts'
import { Button, Copy, Form, Lead, Print } from './parts.tsx'
import { T } from './sentences.tsx'
import type { Visit } from './visit.ts'

/** The codes as a file: one a line, under whose they are. */
export function codesFile(visit: Visit, codes: readonly string[]): TextFile {
  const title = visit.words('recovery_codes.file', { app: visit.site.name })
  return { name: 'recovery-codes.txt', text: `${title}\n\n${codes.map(legible).join('\n')}\n` }
}

/** The codes and what can be done with them. Those that were used are struck through. */
export function Codes({
  codes,
  hidden,
}: {
  codes: readonly { code: string; used?: boolean }[]
  hidden?: Record<string, string>
}) {
  return (
    <>
      <ul class="codes" id="codes" dir="ltr">
        {codes.map(({ code, used }) => (
          <li>{used ? <s>{legible(code)}</s> : <code>{legible(code)}</code>}</li>
        ))}
      </ul>
      <div class="tools">
        <Form bare hidden={{ x_action: 'download', ...hidden }}>
          <Button kind="secondary" small download>
            <T k="recovery_codes.download" />
          </Button>
        </Form>
        <Copy of="codes" k="recovery_codes.copy" />
        <Print />
      </div>
    </>
  )
}

export const viewRecoveryCode: Page = {
  path: '/authflow/v2/view_recovery_code',
  draws: ({ view }) => dataOf(view, 'view_recovery_code_data') !== undefined,
  read: () => ({ input: { confirm_recovery_code: true } }),
  file: ({ view }, action, visit) =>
    action === 'download' ? codesFile(visit, dataOf(view, 'view_recovery_code_data')?.recovery_codes ?? []) : undefined,
  view: ({ view }, visit) => ({
    title: { k: 'recovery_codes.title' },
    body: (
      <>
        <Lead>
          <T k="recovery_codes.help" />
        </Lead>
        <Codes codes={(dataOf(view, 'view_recovery_code_data')?.recovery_codes ?? []).map((code) => ({ code }))} />
        <Form hidden={{ x_action: 'proceed' }}>
          <Button>{visit.words('recovery_codes.submit')}</Button>
        </Form>
      </>
    ),
  }),
}
