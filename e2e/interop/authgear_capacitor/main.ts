// A native app's web view. The native half of the plugin is the test's (phone_native.ts).
import { CapacitorContainer, type ConfigureOptions } from '@authgear/capacitor'

declare global {
  interface Window {
    app: CapacitorContainer
    ready: boolean
  }
}

window.app = new CapacitorContainer()
await window.app.configure(JSON.parse(localStorage.getItem('options') ?? '{}') as ConfigureOptions)
window.ready = true
