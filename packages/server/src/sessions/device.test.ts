import { expect, test } from 'vitest'
import { applicationName, sessionName } from './device.ts'

const chrome =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

test('a session is called by its device, else by its browser', async () => {
  const name = (deviceInfo: Record<string, unknown> | null, userAgent = '') => sessionName({ deviceInfo, userAgent })
  expect(await name({ android: { Build: { MANUFACTURER: 'Samsung', MODEL: 'SM-S911B' } } }, chrome)).toBe(
    'Samsung SM-S911B',
  )
  expect(await name({ android: { Build: { MODEL: 'Pixel 9' } } })).toBe('Pixel 9')
  expect(await name({ ios: { uname: { machine: 'iPhone16,1' } } })).toBe('iPhone 15 Pro')
  expect(await name({ ios: { uname: { machine: 'iPhone99,1' } } })).toBe('iPhone')
  expect(await name({ ios: { uname: { machine: 'iPad14,3' } } })).toBe('iPad')
  expect(await name({ ios: { uname: { machine: 7 } } }, chrome)).toBe('Chrome on macOS')
  expect(await name(null, chrome)).toBe('Chrome on macOS')
  expect(await name(null, '')).toBe('')
})

test('its app calls itself', () => {
  expect(applicationName({ android: { ApplicationInfoLabel: 'Notes' } })).toBe('Notes')
  expect(applicationName({ ios: { NSBundle: { CFBundleDisplayName: 'Notes' } } })).toBe('Notes')
  expect(applicationName({ ios: 'x' })).toBeUndefined()
  expect(applicationName(null)).toBeUndefined()
})
