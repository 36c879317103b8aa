// What the browser tests stand on: each piece once, for real.
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { launchChromium } from './chromium.ts'
import { startNginx } from './nginx.ts'
import { startSmtp } from './smtp.ts'

test('Chromium reaches local names through nginx, and no other', async () => {
  let place = ''
  const nginx = await startNginx(({ port, dir }) => {
    place = dir
    return `server {
      listen 127.0.0.1:${port};
      default_type text/html;
      location / { return 200 '<title>static</title><script>document.title = "live"</script><p>$host</p>'; }
    }`
  })
  const browser = await launchChromium({ hosts: ['*.example.com'] })
  try {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: 'dark' })
    const page = await context.newPage()
    for (const host of ['app.localhost', 'app.example.com', 'identity.example.test']) {
      await page.goto(`http://${host}:${nginx.port}/`)
      expect(await page.textContent('p')).toBe(host)
    }
    expect(await page.title()).toBe('live')
    expect(await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches && innerWidth)).toBe(390)
    expect((await page.screenshot()).subarray(1, 4).toString()).toBe('PNG')
    await expect(page.goto('https://www.example.org/')).rejects.toThrow(/ERR_NAME_NOT_RESOLVED/)

    const still = await (await browser.newContext({ javaScriptEnabled: false })).newPage()
    await still.goto(`http://app.localhost:${nginx.port}/`)
    expect(await still.title()).toBe('static')
  } finally {
    await browser.close()
    await nginx.stop()
  }
  await expect(fetch(nginx.origin)).rejects.toThrow()
  expect(existsSync(place)).toBe(false)
})

test('nginx says what is wrong with its configuration', async () => {
  await expect(startNginx(() => 'servre {}')).rejects.toThrow(/unknown directive "servre"/)
})

test('the mail server decodes what it keeps, refuses on demand, and can be away', async () => {
  const smtp = await startSmtp()
  const body = [
    'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_?=',
    ' =?utf-8?B?4oCUIDEyMzQ=?=',
    'Content-Type: multipart/alternative;',
    ' boundary="edge"',
    '',
    '--edge',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'A long=',
    ' line, caf=C3=A9 =3D ok',
    '--edge',
    'Content-Type: text/html; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from('<p>café</p>').toString('base64'),
    '--edge--',
  ]
  try {
    expect(await send(smtp.port, 'ann@example.com', body)).toMatch(/^250/)
    expect(await smtp.next({ to: 'ann@example.com' })).toMatchObject({
      from: 'robot@example.com',
      to: ['ann@example.com'],
      subject: 'Grüße — 1234',
      text: 'A long line, café = ok',
      html: '<p>café</p>',
    })
    smtp.behave('later')
    expect(await send(smtp.port, 'ann@example.com', body)).toMatch(/^451/)
    smtp.behave('never')
    expect(await send(smtp.port, 'ann@example.com', body)).toMatch(/^550/)
    expect(smtp.mails).toHaveLength(1)
    await expect(smtp.next({ skip: 1, timeoutMs: 50 })).rejects.toThrow(/no mail to anyone/)

    await smtp.stop()
    await expect(send(smtp.port, 'ann@example.com', body)).rejects.toThrow(/ECONNREFUSED/)
    await smtp.start()
    smtp.behave('accept')
    expect(await send(smtp.port, 'ann@example.com', ['', 'again'])).toMatch(/^250/)
    expect((await smtp.next({ skip: 1 })).text.trim()).toBe('again')
  } finally {
    await smtp.stop()
  }
})

/** Speaks RFC 5321 by hand; returns the last reply, or the first refusal. */
function send(port: number, to: string, lines: string[]): Promise<string> {
  const said = ['EHLO test', 'MAIL FROM:<robot@example.com>', `RCPT TO:<${to}>`, 'DATA', `${lines.join('\r\n')}\r\n.`]
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', reject)
    socket.setEncoding('utf8').on('data', (reply: string) => {
      const next = said.shift()
      if (next !== undefined && /^[23]/.test(reply)) return socket.write(`${next}\r\n`)
      socket.end()
      resolve(reply)
    })
  })
}
