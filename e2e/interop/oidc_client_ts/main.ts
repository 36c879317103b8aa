// An app on oidc-client-ts. The test keeps the settings in localStorage, where frames and popups find them, too.
import { IndexedDbDPoPStore, UserManager, type UserManagerSettings, WebStorageStateStore } from 'oidc-client-ts'

/** `dpop` asks for a key pair that never leaves the browser. */
export type Settings = Omit<UserManagerSettings, 'dpop'> & { dpop?: boolean }

declare global {
  interface Window {
    manager: UserManager
    /** What became of the answer in the address: `signed in`, `signed out`, `nothing`, or the error's words. */
    came: string
  }
}

const { dpop, ...settings } = JSON.parse(localStorage.getItem('settings') ?? '{}') as Settings
window.manager = new UserManager({
  ...settings,
  userStore: new WebStorageStateStore({ store: localStorage }),
  ...(dpop ? { dpop: { store: new IndexedDbDPoPStore(), bind_authorization_code: true } } : {}),
})
window.came = await comeBack().catch((error: Error) => error.message)

async function comeBack(): Promise<string> {
  if (!/[?&#]state=/.test(location.href)) return 'nothing'
  if (location.pathname === '/bye') {
    await window.manager.signoutCallback()
    return 'signed out'
  }
  await window.manager.signinCallback()
  return 'signed in'
}
