// The two ways out for a message, as the world gives them.

/** An e-mail as rendered: one recipient, a subject, text and HTML. `sender` is the project's, when it has one. */
export type Email = { to: string; sender?: string; subject: string; text: string; html: string }

/** A project's own mail server (secret `mail.smtp`). */
export type SmtpServer = {
  host: string
  port: number
  mode: 'normal' | 'ssl'
  username: string
  password: string
  sender?: string | undefined
}

/** Delivers or throws; delivery is retried by the queue. */
export type Mailer = (email: Email, server: SmtpServer | undefined) => Promise<void>

/** A text message. `template` and `variables` are what a custom gateway wants to know (authentication §4.4). */
export type Sms = {
  to: string
  body: string
  projectId: string
  template: string
  language: string
  variables: Record<string, string>
}

/** A project's own SMS gateway (secret `sms.custom`). */
export type SmsGateway = { url: string; timeoutSeconds: number }

/** Delivers or throws; delivery is retried by the queue. */
export type SmsSender = (sms: Sms, gateway: SmsGateway | undefined) => Promise<void>
