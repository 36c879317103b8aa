// A mail server that keeps what it gets, and misbehaves when told to.
import { setTimeout as sleep } from 'node:timers/promises'
import { SMTPServer } from 'smtp-server'
import { freePort } from './free_port.ts'

export type Mail = {
  /** Envelope addresses, without names. */
  from: string
  to: string[]
  subject: string
  /** The text/plain part, decoded; empty when there is none. */
  text: string
  /** The text/html part, decoded; empty when there is none. */
  html: string
  /** Header fields by lower-case name, unfolded; the last of a name wins. */
  headers: Record<string, string>
  raw: string
}

/** `later` answers each recipient 451 (try again), `never` 550 (no such mailbox), `silent` not at all. */
export type SmtpMood = 'accept' | 'later' | 'never' | 'silent'

export type Smtp = AsyncDisposable & {
  host: string
  port: number
  /** What came, oldest first. */
  mails: Mail[]
  /** Waits for the first mail to `address`, or to anyone, that `skip` earlier ones do not count as. Throws after `timeoutMs`. */
  next(wanted?: { to?: string; skip?: number; timeoutMs?: number }): Promise<Mail>
  behave(mood: SmtpMood): void
  /** Closes the port; connections are refused until `start`. */
  stop(): Promise<void>
  start(): Promise<void>
}

/** Starts a mail server on a free loopback port, without TLS; `credentials` makes signing in necessary. */
export async function startSmtp(options: { credentials?: { user: string; password: string } } = {}): Promise<Smtp> {
  const port = await freePort()
  const mails: Mail[] = []
  let mood: SmtpMood = 'accept'
  let server: SMTPServer | undefined

  const start = () =>
    new Promise<void>((resolve, reject) => {
      if (server !== undefined) throw new Error('the mail server is running already')
      const { credentials } = options
      server = new SMTPServer({
        disabledCommands: credentials === undefined ? ['STARTTLS', 'AUTH'] : ['STARTTLS'],
        allowInsecureAuth: true,
        authOptional: credentials === undefined,
        closeTimeout: 100,
        onAuth(auth, _session, done) {
          const right = auth.username === credentials?.user && auth.password === credentials?.password
          done(right ? null : new Error('wrong user or password'), right ? { user: auth.username ?? '' } : undefined)
        },
        onRcptTo(_address, _session, done) {
          if (mood === 'silent') return
          done(mood === 'accept' ? null : refusals[mood]())
        },
        onData(stream, session, done) {
          const chunks: Buffer[] = []
          stream.on('data', (chunk: Buffer) => chunks.push(chunk))
          stream.on('end', () => {
            const { mailFrom, rcptTo } = session.envelope
            const from = mailFrom === false ? '' : mailFrom.address
            const raw = Buffer.concat(chunks).toString('latin1') // a byte a character, until each part says its charset
            mails.push({ from, to: rcptTo.map(({ address }) => address), ...read(raw), raw })
            done()
          })
        },
      })
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        server?.on('error', () => {}) // a client that vanishes is no failure of the test
        resolve()
      })
    })

  const stop = () =>
    new Promise<void>((resolve) => {
      if (server === undefined) return resolve()
      server.close(() => resolve())
      server = undefined
    })

  await start()
  return {
    host: '127.0.0.1',
    port,
    mails,
    async next({ to, skip = 0, timeoutMs = 10_000 } = {}) {
      const deadline = performance.now() + timeoutMs
      for (;;) {
        const found = mails.filter((mail) => to === undefined || mail.to.includes(to))[skip]
        if (found !== undefined) return found
        if (performance.now() > deadline) throw new Error(`no mail to ${to ?? 'anyone'} within ${timeoutMs} ms`)
        await sleep(20)
      }
    },
    behave(next) {
      mood = next
    },
    stop,
    start,
    [Symbol.asyncDispose]: stop,
  }
}

const refusals = {
  later: () => Object.assign(new Error('try again later'), { responseCode: 451 }),
  never: () => Object.assign(new Error('no such mailbox'), { responseCode: 550 }),
}

type Part = { headers: Record<string, string>; body: string }

function read(raw: string): Pick<Mail, 'subject' | 'text' | 'html' | 'headers'> {
  const whole = part(raw)
  const leaves = flatten(whole)
  const find = (type: string) => leaves.find((leaf) => leaf.type === type)?.text ?? ''
  return {
    subject: words(whole.headers.subject ?? ''),
    text: find('text/plain'),
    html: find('text/html'),
    headers: whole.headers,
  }
}

// RFC 5322 §2.1: header fields, an empty line, the body.
function part(raw: string): Part {
  const gap = raw.startsWith('\r\n') ? 0 : raw.indexOf('\r\n\r\n')
  const head = gap < 0 ? raw : raw.slice(0, gap)
  const headers: Record<string, string> = {}
  for (const line of head.replace(/\r\n[ \t]/g, ' ').split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  return { headers, body: gap < 0 ? '' : raw.slice(gap).trimStart() }
}

// RFC 2046 §5.1: a multipart's parts stand between lines of `--boundary`.
function flatten({ headers, body }: Part): { type: string; text: string }[] {
  const content = headers['content-type'] ?? 'text/plain'
  const type = (content.split(';')[0] ?? '').trim().toLowerCase()
  const boundary = /boundary="?([^";]+)"?/i.exec(content)?.[1]
  if (type.startsWith('multipart/') && boundary !== undefined) {
    const pieces = `\r\n${body}`.split(`\r\n--${boundary}`).slice(1)
    return pieces.filter((piece) => !piece.startsWith('--')).flatMap((piece) => flatten(part(piece.slice(2))))
  }
  const charset = /charset="?([^";]+)"?/i.exec(content)?.[1] ?? 'utf-8'
  return [{ type, text: new TextDecoder(charset).decode(bytes(body, headers['content-transfer-encoding'] ?? '7bit')) }]
}

function bytes(body: string, encoding: string): Buffer {
  if (encoding.toLowerCase() === 'base64') return Buffer.from(body, 'base64')
  if (encoding.toLowerCase() === 'quoted-printable') return quotedPrintable(body.replace(/[ \t]*=\r\n/g, ''))
  return Buffer.from(body, 'latin1')
}

function quotedPrintable(text: string): Buffer {
  return Buffer.from(
    text.replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
}

// RFC 2047: =?charset?Q or B?…?=, the space between two of them being none.
function words(text: string): string {
  return text
    .replace(/(\?=)\s+(=\?)/g, '$1$2')
    .replace(/=\?([^?]+)\?([QB])\?([^?]*)\?=/gi, (_, charset: string, encoding: string, word: string) =>
      new TextDecoder(charset).decode(
        encoding.toUpperCase() === 'B' ? Buffer.from(word, 'base64') : quotedPrintable(word.replaceAll('_', ' ')),
      ),
    )
}
