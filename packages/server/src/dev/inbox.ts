// Development's mail and SMS: nothing leaves, everything can be read at /_dev.
import type { Mailer, SmsSender } from '../messaging/channels.ts'
import type { Clock } from '../world.ts'

export type CaughtMessage = { to: string; channel: 'email' | 'sms'; subject: string; text: string; at: string }

export type Inbox = {
  mailer: Mailer
  sms: SmsSender
  /** Oldest first; `to` narrows to one recipient. */
  messages(to?: string): CaughtMessage[]
}

const capacity = 1000

export function inbox(clock: Clock): Inbox {
  const caught: CaughtMessage[] = []
  const keep = (message: Omit<CaughtMessage, 'at'>) => {
    caught.push({ ...message, at: clock.now().toISOString() })
    if (caught.length > capacity) caught.shift()
  }
  return {
    mailer: async (email) => keep({ to: email.to, channel: 'email', subject: email.subject, text: email.text }),
    sms: async (sms) => keep({ to: sms.to, channel: 'sms', subject: '', text: sms.body }),
    messages: (to) => (to === undefined ? [...caught] : caught.filter((message) => message.to === to)),
  }
}
