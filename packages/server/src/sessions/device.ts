// How a session is called in a list: by the device that it lives on.
import type { Words } from '../localization/words.ts'
import { deviceName } from '../messaging/send.ts'

/** What a mobile SDK tells of its device (wire contract §2.5, `x_device_info`). */
export type DeviceInfo = Record<string, unknown>

function text(info: unknown, ...path: string[]): string | undefined {
  let value = info
  for (const key of path)
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string, unknown>)[key]
        : undefined
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

/** Such as `Samsung SM-S911B`, `iPhone 15 Pro` or `Chrome on macOS`; empty for what no person would recognise. */
export async function sessionName(
  session: { userAgent: string; deviceInfo: DeviceInfo | null },
  words?: Words,
): Promise<string> {
  const { deviceInfo, userAgent } = session
  const android = [text(deviceInfo, 'android', 'Build', 'MANUFACTURER'), text(deviceInfo, 'android', 'Build', 'MODEL')]
  const known = android.filter((part) => part !== undefined).join(' ')
  if (known !== '') return known
  const machine = text(deviceInfo, 'ios', 'uname', 'machine')
  if (machine !== undefined) return appleModel(machine)
  return (await deviceName(userAgent, words)) ?? ''
}

/** The app that the session belongs to, as it calls itself on the device. */
export function applicationName(deviceInfo: DeviceInfo | null): string | undefined {
  return (
    text(deviceInfo, 'android', 'ApplicationInfoLabel') ?? text(deviceInfo, 'ios', 'NSBundle', 'CFBundleDisplayName')
  )
}

// Apple gives devices an identifier; people know the name.
const iphones = new Map(
  `
  6s: 8,1; 6s Plus: 8,2; SE: 8,4; 7: 9,1 9,3; 7 Plus: 9,2 9,4; 8: 10,1 10,4; 8 Plus: 10,2 10,5; X: 10,3 10,6;
  XS: 11,2; XS Max: 11,4 11,6; XR: 11,8; 11: 12,1; 11 Pro: 12,3; 11 Pro Max: 12,5; SE (2nd generation): 12,8;
  12 mini: 13,1; 12: 13,2; 12 Pro: 13,3; 12 Pro Max: 13,4; 13 Pro: 14,2; 13 Pro Max: 14,3; 13 mini: 14,4;
  13: 14,5; SE (3rd generation): 14,6; 14: 14,7; 14 Plus: 14,8; 14 Pro: 15,2; 14 Pro Max: 15,3; 15: 15,4;
  15 Plus: 15,5; 15 Pro: 16,1; 15 Pro Max: 16,2; 16 Pro: 17,1; 16 Pro Max: 17,2; 16: 17,3; 16 Plus: 17,4;
  16e: 17,5; 17 Pro: 18,1; 17 Pro Max: 18,2; 17: 18,3; Air: 18,4`
    .split(';')
    .flatMap((line) => {
      const [name = '', numbers = ''] = line.trim().split(': ')
      return numbers.split(' ').map((number) => [number, name] as const)
    }),
)

function appleModel(machine: string): string {
  if (machine === 'arm64' || machine === 'x86_64' || machine === 'i386') return 'iOS Simulator'
  const phone = /^iPhone(\d+,\d+)$/.exec(machine)?.[1]
  if (phone !== undefined) return `iPhone ${iphones.get(phone) ?? ''}`.trim()
  return /^[A-Za-z]+/.exec(machine)?.[0] ?? machine
}
