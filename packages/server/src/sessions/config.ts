/** How long a browser stays signed in. Reference: authentication §2.1. */
import { z } from 'zod'
import { seconds } from '../config/values.ts'

export const SessionConfig = z
  .strictObject({
    lifetime_seconds: seconds
      .default(31_449_600)
      .meta({ title: 'Session lifetime', description: 'Signed out after this, however active.' }),
    idle_timeout_enabled: z.boolean().default(true).meta({ title: 'End idle sessions' }),
    idle_timeout_seconds: seconds
      .default(2_592_000)
      .meta({ title: 'Idle time-out', description: 'Signed out after this long without use.' }),
    use_session_cookie: z.boolean().default(false).meta({
      title: 'Forget on closing the browser',
      description: 'The cookie has no lifetime, so that closing the browser signs out.',
    }),
  })
  .prefault({})
  .meta({ title: 'Session' })
export type SessionConfig = z.output<typeof SessionConfig>
