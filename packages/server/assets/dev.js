// The pages of the development surface: copy buttons, and an inbox that fills by itself. Both work without.
for (const place of document.querySelectorAll('[data-copy]')) {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'dev-copy'
  button.textContent = 'Copy'
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(place.dataset.copy)
      button.textContent = 'Copied'
    } catch {
      button.textContent = 'Select it and copy'
    }
    setTimeout(() => {
      button.textContent = 'Copy'
    }, 2000)
  })
  place.append(button)
}

// The first page waits for an account, which is made in another tab.
if (document.querySelector('[data-awaits]'))
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') location.reload()
  })

const inbox = document.querySelector('[data-inbox]')
if (inbox) {
  const { to } = inbox.dataset
  const address = to === undefined ? '/_dev/messages' : `/_dev/messages?to=${encodeURIComponent(to)}`
  const look = async () => {
    try {
      if (document.visibilityState === 'visible') {
        const messages = await (await fetch(address)).json()
        if (`${messages.length} ${messages.at(-1)?.at ?? ''}` !== inbox.dataset.inbox) return location.reload()
      }
    } catch {
      // The server is away; it will be asked again.
    }
    setTimeout(look, 1500)
  }
  setTimeout(look, 1500)
}
