// A file that nginx gives to members: what asking Headgear costs beside asking a server that says yes to everybody.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Nginx, startNginx } from '../../e2e/support/nginx.ts'
import type { Claim } from '../claim.ts'
import { startHeadgear } from '../headgear.ts'
import { httpRequest } from '../load.ts'
import { compare } from '../rounds.ts'
import type { Bench } from '../run.ts'
import { asking, bareName, bareResolver } from './resolve.ts'

export async function proxied(bench: Bench): Promise<Claim[]> {
  await using headgear = await startHeadgear(await bench.postgres())
  const cookies = await headgear.signUp(Array.from({ length: 64 }, (_, index) => `user${index}`))
  const host = `localhost:${headgear.port}`
  const direct = httpRequest('GET /_resolver/resolve', { host, cookie: cookies[0] ?? '' })
  await using bare = await bareResolver(headgear.port, direct)
  await using ours = await membersBehind(headgear.port, host)
  await using theirs = await membersBehind(Number(bare.ready.port), host)
  const requests = cookies.map((cookie) => httpRequest('GET /members.txt', { host: 'app.test', cookie }))
  const compared = await compare(asking(requests, ours.port), asking(requests, theirs.port), 7)
  return [
    {
      what: "a member's request through nginx",
      unit: '/s',
      ours: compared.ours.perSecond,
      peer: `nginx asking ${bareName}`,
      theirs: compared.theirs.perSecond,
      ratio: compared.ratio.perSecond,
      goal: { of: 'ratio', bound: 'at least', is: 0.8 },
    },
  ]
}

/** The question of `examples/nginx`, with nothing but a file behind it. */
async function membersBehind(resolverPort: number, host: string): Promise<Nginx> {
  let folder = ''
  const nginx = await startNginx(({ port, dir }) => {
    folder = dir
    return `
  upstream resolver { server 127.0.0.1:${resolverPort}; keepalive 32; }
  keepalive_requests 1000000;
  server {
    listen 127.0.0.1:${port};
    location / {
      auth_request /_who;
      root ${dir};
    }
    location = /_who {
      internal;
      proxy_pass http://resolver/_resolver/resolve;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host ${host};
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }
  }`
  })
  await writeFile(join(folder, 'members.txt'), 'for members only')
  return nginx
}
