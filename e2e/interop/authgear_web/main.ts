// An app on @authgear/web with no buttons: the test calls the container itself. What it was configured with is kept
// across navigations.
import { type ConfigureOptions, WebContainer } from '@authgear/web'

declare global {
  interface Window {
    authgear: WebContainer
    configured: boolean
  }
}

window.authgear = new WebContainer()
const held = localStorage.getItem('options')
if (held !== null) await window.authgear.configure(JSON.parse(held) as ConfigureOptions)
window.configured = held !== null
