// The installed Chromium, without a window, and without any name but the ones that lead to this machine.
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const places = [
  process.env.HEADGEAR_TEST_CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/**
 * Launches Chromium with a new, empty profile. Each `newContext` has cookies of its own, and takes
 * `javaScriptEnabled`, `viewport`, `colorScheme`, `locale` and the like.
 * Names under `localhost` and those of `hosts` (`*.example.test`) lead to 127.0.0.1; every other is unknown, so that no
 * test reaches the network. Of names under `test`, addresses without a port lead to `front` when there is one. `home` is
 * where certificates that it trusts are kept. `HEADGEAR_TEST_CHROMIUM` names another binary. Throws when none is installed.
 */
export function launchChromium(
  options: { hosts?: readonly string[]; args?: readonly string[]; front?: number; home?: string } = {},
): Promise<Browser> {
  const executablePath = places.find((path) => path !== '' && existsSync(path))
  if (executablePath === undefined) {
    throw new Error('no Chromium found: install it (Debian: apt-get install chromium), or set HEADGEAR_TEST_CHROMIUM')
  }
  const front = options.front === undefined ? [] : [`MAP *.test:443 127.0.0.1:${options.front}`]
  const hosts = ['*.localhost', '*.test', ...(options.hosts ?? [])].map((host) => `MAP ${host} 127.0.0.1`)
  return chromium.launch({
    executablePath,
    headless: true,
    chromiumSandbox: process.getuid?.() !== 0, // its sandbox refuses root
    ...(options.home === undefined ? {} : { env: { ...process.env, HOME: options.home } }),
    args: [
      `--host-resolver-rules=${[...front, ...hosts, 'MAP * ~NOTFOUND', 'EXCLUDE localhost', 'EXCLUDE 127.0.0.1'].join(', ')}`,
      '--no-proxy-server',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...(options.args ?? []),
    ],
  })
}
