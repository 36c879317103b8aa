import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { headgear } from './support/store.ts'

let server: Headgear

beforeAll(async () => {
  server = await headgear()
})
afterAll(() => server.stop())

/** GET with any Host, which fetch would not send. */
function get(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; type: string; text: string; policy: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(server.origin + path, { headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: String(response.headers['content-type']),
          policy: String(response.headers['content-security-policy']),
          text,
        }),
      )
    })
    asked.once('error', reject)
    asked.end()
  })
}

const mail = (to: string, subject: string, text: string) =>
  server.node.world.mailer({ to, subject, text, html: '' }, undefined)

describe('the inbox', () => {
  test('teaches while it is empty', async () => {
    const { status, type, text } = await get('/_dev')
    expect([status, type]).toEqual([200, 'text/html; charset=UTF-8'])
    expect(text).toMatch(/^<!doctype html>/)
    expect(text).toContain('No messages yet')
  })

  test('lists the newest first, the code large, links as links, and everything else as text', async () => {
    await mail('ann@example.com', 'Your code', '482913 is your code.')
    await mail(
      'bo@example.com',
      'A <b>bold</b> subject',
      'Open http://localhost:4000/reset?code=a&b=c. <script>alert(1)</script> javascript:alert(1)',
    )
    const { text, policy } = await get('/_dev')
    expect(text.indexOf('bo@example.com')).toBeLessThan(text.indexOf('ann@example.com'))
    expect(text).toMatch(/<code class="literal large"[^>]*>482913<\/code>/)
    expect(text).toMatch(/<summary>Whole message<\/summary><p[^>]*>482913 is your code\./)
    expect(text).toContain('<a href="http://localhost:4000/reset?code=a&amp;b=c">')
    expect(text).toContain('A &lt;b&gt;bold&lt;/b&gt; subject')
    expect(text).not.toContain('<script>alert')
    expect(text).not.toContain('href="javascript:')
    expect(policy).toContain("default-src 'none'")

    const narrowed = await get('/_dev?to=ann%40example.com')
    expect(narrowed.text).toContain('482913')
    expect(narrowed.text).not.toContain('bo@example.com')
    const nobody = await get('/_dev?to=%22%3E%3Cscript%3E')
    expect(nobody.text).toContain('Nothing was sent there yet')
    expect(nobody.text).not.toContain('"><script>')
  })

  test('is there for names of this machine, and not behind a proxy', async () => {
    expect((await get('/_dev', { host: 'localhost:4000' })).status).toBe(200)
    expect((await get('/_dev', { host: 'example.com' })).status).toBe(404)
    expect((await get('/_dev', { 'x-forwarded-for': '203.0.113.9' })).status).toBe(404)
  })
})

describe('the first page', () => {
  test('leads through three steps, and names the command for the newest account', async () => {
    const before = await get('/_dev/start')
    expect(before.status).toBe(200)
    expect(before.text).toContain('Headgear is running.')
    expect(before.text).toContain('Once there is an account')
    const done = (text: string) => [...text.matchAll(/Done: <\/span><div><h2>([^<]*)/g)].map(([, step]) => step)
    expect(done(before.text)).not.toContain('Create the first account')
    expect(before.text).toContain(`endpoint: &#39;${server.origin}&#39;`)

    const { world } = server.node
    const at = world.clock.now()
    const add = async (name: string, later: number, type?: string) => {
      const id = randomUUID()
      const when = new Date(at.getTime() + later)
      const attributes = JSON.stringify({ email: name })
      await world.db.query
        .insertInto('end_user')
        .values({
          project_id: 'default',
          id,
          created_at: when,
          updated_at: when,
          standard_attributes: attributes,
        } as never)
        .execute()
      if (type !== undefined)
        await world.db.query
          .insertInto('identity')
          .values({
            project_id: 'default',
            id: randomUUID(),
            user_id: id,
            unique_key: id,
            type,
            created_at: when,
            updated_at: when,
          } as never)
          .execute()
      return id
    }
    await add('older@example.com', 0)
    const newest = await add('newer@example.com', 1000)
    await add('guest', 2000, 'anonymous')
    const after = await get('/_dev/start')
    expect(after.text).toContain('newer@example.com')
    expect(after.text).toContain(Buffer.from(`User:${newest}`).toString('base64url'))
    expect(after.text).not.toContain('older@example.com')
    expect(done(after.text)).toContain('Create the first account')
  })

  test('has its sheets and script on every local host', async () => {
    const { text } = await get('/_dev/start', { host: '127.0.0.1' })
    const linked = [...text.matchAll(/(?:href|src)="(\/_(?:assets|theme|dev)\/[^"]+\.(?:css|js|svg))"/g)].map(
      ([, path]) => String(path),
    )
    expect(linked.length).toBeGreaterThanOrEqual(5)
    for (const path of linked) expect((await get(path, { host: '127.0.0.1' })).status, path).toBe(200)
  })
})
