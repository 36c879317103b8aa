import { describe, expect, test } from 'vitest'
import { wordsFor } from '../localization/words.ts'
import { type EmailFacts, type MessageKind, renderEmail, renderSms, templateName } from './templates.tsx'

const english = await wordsFor('en')
const chinese = await wordsFor('zh-TW')
const kinds: MessageKind[] = [
  'verification',
  'setup-primary-oob',
  'setup-secondary-oob',
  'authenticate-primary-oob',
  'authenticate-secondary-oob',
  'forgot-password',
]
const facts = (more: Partial<EmailFacts> = {}): EmailFacts => ({
  kind: 'authenticate-primary-oob',
  words: english,
  brand: { name: 'Acme' },
  secret: { code: '123456' },
  validFor: 300,
  to: 'ana@acme.com',
  ...more,
})

describe('mail', () => {
  test.each(kinds)('%s: every form has all its words in both languages', (kind) => {
    for (const words of [english, chinese]) {
      for (const secret of [{ code: '123456' }, { link: 'https://id.acme.com/x?code=ABC' }]) {
        const mail = renderEmail(facts({ kind, words, secret }))
        const proof = 'code' in secret ? secret.code : secret.link
        expect(mail.subject).toContain('Acme')
        expect(mail.text).toContain(`\n\n${proof}\n\n`)
        expect(mail.html).toContain(proof)
        for (const part of [mail.subject, mail.text, mail.html]) expect(part).not.toMatch(/email\.\w|undefined|\{\w+\}/)
      }
    }
  })

  test('says the fact first, how long it works, who asked, and what to do if nobody did', () => {
    const mail = renderEmail(
      facts({ until: new Date('2026-05-03T14:05:00Z'), device: 'Chrome on macOS', place: 'Lisbon' }),
    )
    expect(mail.subject).toBe('123456 is your Acme sign-in code')
    expect(mail.text).toMatch(
      /^Your sign-in code\n\nEnter this code to sign in to Acme\.\n\n123456\n\nIt works once, for 5 minutes: until 2:05\sPM UTC\.\n\nAsked for from Chrome on macOS near Lisbon\.\nDidn’t ask\?/,
    )
    expect(mail.html).toContain('font-size:32px')
    expect(mail.html).toContain('>123456</div>')
  })

  test('a link is a button and a visible address, in the colours of the brand', () => {
    const link = 'https://id.acme.com/authflow/v2/reset_password?code=ABC&x=1'
    const mail = renderEmail(
      facts({ kind: 'forgot-password', secret: { link }, brand: { name: 'Acme', theme: { brand: '#ffd400' } } }),
    )
    expect(
      mail.html.match(/href="https:\/\/id\.acme\.com\/authflow\/v2\/reset_password\?code=ABC&amp;x=1"/g),
    ).toHaveLength(2)
    expect(mail.html).toContain('bgcolor="#ffd400"')
    expect(mail.text).toContain(link)
  })

  test('names and addresses are text: no markup in the page, no second header line in the subject', () => {
    const evil = 'A<b onclick=x>\r\nBcc: all@example.com'
    const mail = renderEmail(facts({ brand: { name: evil }, to: '<i>@x', device: '<u>', place: '<s>' }))
    expect(mail.html).not.toMatch(/<b |<i>|<u>|<s>/)
    expect(mail.subject).not.toMatch(/[\r\n]/)
  })

  test('nothing in it calls home', () => {
    const mail = renderEmail(facts())
    expect(mail.html).not.toMatch(/<img|<link|@import|url\(/)
  })
})

describe('text messages', () => {
  test('fit one message, and bind the code to the page that waits for it', () => {
    const text = renderSms({ ...facts({ kind: 'verification' }), host: 'id.acme.com' })
    expect(text).toBe('123456 is your Acme code. It works for 5 minutes. Keep it to yourself.\n\n@id.acme.com #123456')
    expect(text.length).toBeLessThanOrEqual(160)
    // One character outside the GSM alphabet would halve what fits.
    for (const kind of kinds) expect(renderSms(facts({ kind }))).toMatch(/^[\n\r -~]+$/)
  })

  test('a link comes whole', () => {
    const link = 'https://id.acme.com/r?code=ABC'
    expect(renderSms(facts({ kind: 'forgot-password', secret: { link } }))).toBe(
      `Set a new Acme password: ${link} It works once, for 5 minutes.`,
    )
  })
})

test('templates go by the names of the contract', () => {
  expect(templateName('verification', 'code', 'sms')).toBe('verification_sms')
  expect(templateName('setup-primary-oob', 'code', 'email')).toBe('setup_primary_oob_email')
  expect(templateName('authenticate-secondary-oob', 'link', 'email')).toBe('authenticate_secondary_login_link')
  expect(templateName('forgot-password', 'link', 'sms')).toBe('forgot_password_sms')
  expect(templateName('forgot-password', 'code', 'email')).toBe('forgot_password_oob_email')
})
