// E-mail over SMTP: the project's own server, or the operator's.
import { Refusal } from '../refusal.ts'
import type { Mailer, SmtpServer } from './channels.ts'

/**
 * @param operatorUrl `smtp://user:password@host:port` for projects without a server of their own.
 * @returns a mailer that throws `NoAvailableSMTPConfiguration` when there is neither.
 */
export function smtpMailer(operatorUrl: string | undefined): Mailer {
  return async (email, server) => {
    const { createTransport } = await import('nodemailer')
    if (server === undefined && operatorUrl === undefined)
      throw new Refusal({
        name: 'InternalError',
        reason: 'NoAvailableSMTPConfiguration',
        message: 'no mail server is configured',
      })
    const transport =
      server === undefined
        ? createTransport(withPatience(operatorUrl ?? ''))
        : createTransport(transportOptions(server))
    try {
      await transport.sendMail({
        from: server?.sender ?? email.sender ?? 'no-reply@localhost',
        to: email.to,
        subject: email.subject,
        text: email.text,
        html: email.html,
      })
    } finally {
      transport.close()
    }
  }
}

/** Milliseconds: shorter than a job of the queue may take. */
const patience = { connectionTimeout: 5000, greetingTimeout: 5000, socketTimeout: 15_000 }

/** The same for a URL, which may name others. */
function withPatience(url: string): string {
  const patient = new URL(url)
  for (const [name, ms] of Object.entries(patience))
    if (!patient.searchParams.has(name)) patient.searchParams.set(name, String(ms))
  return patient.href
}

function transportOptions(server: SmtpServer) {
  return {
    host: server.host,
    port: server.port,
    secure: server.mode === 'ssl',
    ...patience,
    ...(server.username !== '' ? { auth: { user: server.username, pass: server.password } } : {}),
  }
}
