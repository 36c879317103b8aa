// A load generator that costs little: raw sockets, one request at a time on each, responses cut by their lengths (a chunked body stays as it came).
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type Answer = { status: number; head: string; body: string }

/**
 * The next request of a connection, as bytes; `answer` is what its last one got. Undefined: this connection is done.
 * It hears every answer: when the time is over, it is asked once more, and what it gives is not sent.
 */
export type Next = (connection: number, answer: Answer | undefined) => Buffer | undefined

export type Load = {
  port: number
  connections: number
  /** Without it, the load ends when `next` has no more. */
  seconds?: number
  /** A connection begins a request this often, or later when the answer before took longer; else at once. */
  everyMs?: number
  next: Next
}

/** Latencies in milliseconds. */
export type Result = { perSecond: number; p50: number; p99: number; answers: number }

/** @throws Error showing the first answer that is neither a success nor a redirect. */
export async function run(load: Load): Promise<Result> {
  const latencies: number[] = []
  const start = performance.now()
  const end = start + (load.seconds ?? Number.POSITIVE_INFINITY) * 1000
  let last = start

  const one = (connection: number) =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true })
      let sent = 0
      let pending: Buffer[] = []
      let size = 0
      const fail = (why: string) => {
        socket.destroy()
        reject(new Error(why))
      }
      const send = (answer: Answer | undefined) => {
        sent = performance.now()
        const bytes = load.next(connection, answer)
        if (bytes !== undefined && sent < end) socket.write(bytes)
        else {
          socket.destroy()
          resolve()
        }
      }
      socket.once('connect', () => send(undefined))
      socket.once('error', reject)
      socket.once('end', () => fail('the server closed the connection'))
      socket.on('data', (part: Buffer) => {
        pending.push(part)
        size += part.length
        const bytes = pending.length === 1 ? part : Buffer.concat(pending, size)
        const end = bytes.indexOf('\r\n\r\n')
        if (end === -1) return
        const head = bytes.toString('latin1', 0, end)
        const length = /\ncontent-length: (\d+)/i.exec(head)?.[1]
        if (length === undefined && !/\ntransfer-encoding: chunked/i.test(head)) return fail(`no length in ${head}`)
        const whole =
          length === undefined
            ? bytes.toString('latin1').endsWith('0\r\n\r\n')
            : bytes.length >= end + 4 + Number(length)
        if (!whole) return
        pending = []
        size = 0
        last = performance.now()
        latencies.push(last - sent)
        const answer = { status: Number(head.slice(9, 12)), head, body: bytes.toString('utf8', end + 4) }
        if (answer.status >= 400) return fail(`${head}\n\n${answer.body}`)
        const rest = load.everyMs === undefined ? 0 : load.everyMs - (last - sent)
        if (rest > 0) void sleep(rest).then(() => send(answer))
        else send(answer)
      })
    })

  await Promise.all(Array.from({ length: load.connections }, (_, index) => one(index)))
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  return {
    perSecond: latencies.length / ((last - start) / 1000),
    p50: at(0.5),
    p99: at(0.99),
    answers: latencies.length,
  }
}

/** Sends each request once, and gives the answers in their order. */
export async function sendAll(port: number, requests: readonly Buffer[], connections = 8): Promise<Answer[]> {
  const answers: Answer[] = []
  const asked: number[] = []
  let begun = 0
  await run({
    port,
    connections: Math.min(connections, requests.length),
    next(connection, answer) {
      if (answer !== undefined) answers[asked[connection] ?? 0] = answer
      asked[connection] = begun
      begun += 1
      return requests[begun - 1]
    },
  })
  return answers
}

/** A request as bytes, with its Content-Length. */
export function httpRequest(line: string, headers: Record<string, string>, body = ''): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${line} HTTP/1.1\r\n${lines.join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

/** The value of a header of an answer. @throws Error when it is not there. */
export function headerOf(answer: Answer, name: string): string {
  const value = new RegExp(`\\n${name}: (.*)`, 'i').exec(answer.head)?.[1]
  if (value === undefined) throw new Error(`no ${name} in ${answer.head}`)
  return value
}

/** Cookies that an answer sets, as a `Cookie` header gives them back. */
export function cookiesOf(answer: Answer): string {
  return [...answer.head.matchAll(/\nset-cookie: ([^;\r\n]*)/gi)].map(([, pair]) => pair).join('; ')
}
