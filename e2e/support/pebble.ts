// A certificate authority of one's own: Debian's pebble (RFC 8555), which asks for every name on this machine.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free_port.ts'
import { find, startInstalled } from './installed.ts'

export type Pebble = AsyncDisposable & {
  directory: string
  /** File with what makes the directory's own TLS trustworthy. */
  caFile: string
  ca: string
  /** The root of what it issues, PEM. */
  root: string
  /** Where it asks for answers to its challenges, by plain HTTP. */
  httpPort: number
  /** How often it was asked for a certificate. */
  orders(): number
  output(): string
  /** Leads a name to another address of this machine, where nobody answers for it. */
  lead(name: string, address: string): Promise<void>
}

export async function startPebble(): Promise<Pebble> {
  const dir = await mkdtemp(join(tmpdir(), 'headgear-pebble-'))
  const [port, managementPort, httpPort, tlsPort, dns, control] = (await Promise.all(
    Array.from({ length: 6 }, () => freePort()),
  )) as [number, number, number, number, number, number]
  const caFile = join(dir, 'cert.pem')
  await promisify(execFile)(find('openssl', 'openssl'), [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
    ...['-keyout', join(dir, 'key.pem'), '-out', caFile],
  ])
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: caFile,
    privateKey: join(dir, 'key.pem'),
    httpPort,
    tlsPort,
    ocspResponderURL: '',
    externalAccountBindingRequired: false,
  }
  await writeFile(join(dir, 'config.json'), JSON.stringify({ pebble }))
  const names = await startInstalled(
    [
      find('pebble-challtestsrv', 'pebble'),
      ...['-management', `127.0.0.1:${control}`, '-dns01', `127.0.0.1:${dns}`, '-defaultIPv4', '127.0.0.1'],
      ...['-defaultIPv6', '', '-http01', '', '-https01', '', '-tlsalpn01', ''],
    ],
    { port: control, cwd: dir },
  )
  const authority = await startInstalled(
    [find('pebble', 'pebble'), '-config', join(dir, 'config.json'), '-dnsserver', `127.0.0.1:${dns}`],
    {
      port,
      cwd: dir,
      // It waits at random and refuses a nonce now and then, as real ones do; only the waiting is left out.
      env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '10', PEBBLE_AUTHZREUSE: '0' },
    },
  )
  const ca = await readFile(caFile, 'utf8')
  return {
    directory: `https://localhost:${port}/dir`,
    caFile,
    ca,
    root: await get(`https://localhost:${managementPort}/roots/0`, ca),
    httpPort,
    orders: () => (authority.output().match(/Added order /g) ?? []).length,
    output: authority.output,
    async lead(name, address) {
      const host = `${name}.`
      for (const [verb, body] of [
        ['clear-a', { host }],
        ['add-a', { host, addresses: [address] }],
      ] as const) {
        const response = await fetch(`http://127.0.0.1:${control}/${verb}`, {
          method: 'POST',
          body: JSON.stringify(body),
        })
        if (!response.ok) throw new Error(`the name server said ${response.status}`)
      }
    },
    async [Symbol.asyncDispose]() {
      await authority.stop()
      await names.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function get(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { ca }, async (response) => {
      const parts: Buffer[] = []
      for await (const part of response) parts.push(part as Buffer)
      resolve(Buffer.concat(parts).toString())
    })
    asked.on('error', reject).end()
  })
}
