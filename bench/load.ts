// A load generator that costs little: raw sockets, one request at a time on each, responses counted by their lengths.
import { connect } from 'node:net'

export type Load = {
  port: number
  connections: number
  seconds: number
  /** The next request of a connection, as bytes; `answer` is the last response's body. */
  request(connection: number, answer: string | undefined): Buffer
}

export type Result = { perSecond: number; p50: number; p99: number; failures: number; answers: number }

/** Runs the load, after a warm-up of a quarter of its time. Latencies in milliseconds. */
export async function run(load: Load): Promise<Result> {
  const latencies: number[] = []
  let failures = 0
  const start = performance.now()
  const warm = start + (load.seconds * 1000) / 4
  const end = warm + load.seconds * 1000

  async function one(connection: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true })
      let sent = 0
      let pending: Buffer[] = []
      let size = 0
      const send = (answer: string | undefined) => {
        sent = performance.now()
        if (sent >= end) {
          socket.destroy()
          resolve()
          return
        }
        socket.write(load.request(connection, answer))
      }
      socket.once('connect', () => send(undefined))
      socket.once('error', reject)
      socket.on('data', (part: Buffer) => {
        pending.push(part)
        size += part.length
        const bytes = pending.length === 1 ? part : Buffer.concat(pending, size)
        const head = bytes.indexOf('\r\n\r\n')
        if (head === -1) return
        const text = bytes.toString('latin1', 0, head)
        const length = /content-length: (\d+)/i.exec(text)?.[1]
        if (length === undefined) {
          reject(new Error(`no content-length in ${text}`))
          return
        }
        if (bytes.length < head + 4 + Number(length)) return
        pending = []
        size = 0
        const now = performance.now()
        if (now >= warm) latencies.push(now - sent)
        if (text.slice(9, 10) !== '2') {
          failures += 1
          if (failures === 1) process.stderr.write(`${text}\n${bytes.toString('utf8', head + 4)}\n`)
        }
        send(bytes.toString('utf8', head + 4))
      })
    })
  }

  await Promise.all(Array.from({ length: load.connections }, (_, index) => one(index)))
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  return {
    perSecond: latencies.length / load.seconds,
    p50: at(0.5),
    p99: at(0.99),
    failures,
    answers: latencies.length,
  }
}

/** A request as bytes, with its Content-Length. */
export function httpRequest(line: string, headers: Record<string, string>, body = ''): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${line} HTTP/1.1\r\n${lines.join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}
