// What script adds to the hosted pages. Each of them works without: nothing here is needed to finish a journey.
// It is read before the first paint and hangs on `document`, so that it needs no moment of its own to start.
;(() => {
  const root = document.documentElement
  root.classList.add('js')

  const say = (text) => {
    const line = document.getElementById('said')
    if (line && text) line.textContent = text
  }

  // --- Show and hide a password ---

  const reveal = (button, visible) => {
    const field = document.getElementById(button.dataset.reveal)
    if (!field) return
    field.type = visible ? 'text' : 'password'
    button.textContent = visible ? button.dataset.hide : button.dataset.show
    button.setAttribute('aria-label', visible ? button.dataset.hideLabel : button.dataset.showLabel)
  }

  document.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('button') : null
    if (!button) return
    if (button.dataset.reveal) {
      const visible = document.getElementById(button.dataset.reveal)?.type === 'password'
      reveal(button, visible)
      say(visible ? button.dataset.shown : button.dataset.hidden)
    }
    if (button.dataset.copy) copy(button)
    if (button.dataset.print !== undefined) print()
  })

  // --- Copy a text ---

  const copy = async (button) => {
    const text = document.getElementById(button.dataset.copy)?.innerText ?? ''
    try {
      await navigator.clipboard.writeText(text.trim())
    } catch {
      return // Not allowed here; the text stands on the page.
    }
    const label = button.querySelector('.button-label')
    if (label) label.textContent = button.dataset.copied
    say(button.dataset.copied)
  }

  // --- A form that goes on by itself (an answer to an app, sent by form_post) ---

  document.addEventListener('DOMContentLoaded', () => document.querySelector('form[data-send-now]')?.submit())

  // --- Submit once ---

  const sent = new WeakSet()

  document.addEventListener('submit', (event) => {
    const form = event.target
    if (sent.has(form)) {
      event.preventDefault()
      return
    }
    // Hidden again, so that browsers offer to save it and nobody reads it while the next page comes.
    for (const button of form.querySelectorAll('[data-reveal]')) reveal(button, false)
    for (const box of form.querySelectorAll('[data-repeats]')) {
      const source = document.getElementById(box.dataset.repeats)
      const copy = box.querySelector('input')
      if (source && copy) copy.value = source.value
    }
    if (event.submitter?.hasAttribute('data-again')) return
    sent.add(form)
    event.submitter?.setAttribute('aria-busy', 'true')
    // An answer that never comes must not leave a dead page behind.
    setTimeout(() => release(form), 10_000)
  })

  const release = (form) => {
    sent.delete(form)
    for (const button of form.querySelectorAll('[aria-busy]')) button.removeAttribute('aria-busy')
  }

  // Back can show the page exactly as it was left: busy.
  addEventListener('pageshow', (event) => {
    if (event.persisted) for (const form of document.forms) release(form)
  })

  // --- While typing ---

  const tests = {
    length: (value, least) => Array.from(value).length >= Number(least),
    upper: (value) => /[A-Z]/.test(value),
    lower: (value) => /[a-z]/.test(value),
    letter: (value) => /[A-Za-z]/.test(value),
    digit: (value) => /[0-9]/.test(value),
    symbol: (value) => /[^A-Za-z0-9]/.test(value),
  }

  const check = (list, value) => {
    for (const item of list.querySelectorAll('[data-test]')) {
      const [test, argument] = item.dataset.test.split(':')
      const met = tests[test]?.(value, argument) ?? false
      // Until it is sent, an unmet rule is a plan and not a fault.
      if (met) item.dataset.state = 'met'
      else delete item.dataset.state
      const state = item.querySelector('.unseen')
      if (state) state.textContent = value === '' ? '' : met ? item.dataset.met : item.dataset.unmet
    }
  }

  document.addEventListener('input', (event) => {
    const field = event.target
    if (!(field instanceof HTMLInputElement)) return
    if (field.dataset.code) {
      const plain = field.value.replace(/[\s\u2010-\u2015-]/g, '')
      if (plain !== field.value) field.value = plain
    }
    const list = field.id && document.querySelector(`[data-policy="${CSS.escape(field.id)}"]`)
    if (list) check(list, field.value)
  })

  // --- When the page is there ---

  const tick = (line) => {
    const { countdown, text, ready, wakes, stays } = line.dataset
    const woken = wakes ? document.getElementById(wakes) : null
    const end = performance.now() + Number(countdown) * 1000
    const show = () => {
      const left = end - performance.now()
      if (left > 0) {
        const seconds = Math.ceil(left / 1000)
        line.textContent = text.replace('%', `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`)
        setTimeout(show, left % 1000 || 1000)
        return
      }
      woken?.removeAttribute('data-asleep')
      if (stays === undefined) line.hidden = true
      else line.textContent = ready
      say(ready)
    }
    show()
  }

  // The link in the mail is opened on any device, and this page goes on by itself. Never at once, so that a refusal
  // which comes back here is read.
  const wait = (form) => {
    let looks = 0
    const look = async () => {
      looks += 1
      if (document.visibilityState === 'visible') {
        try {
          const page = await (await fetch(location.href)).text()
          if (page.includes('data-goes-on="now"')) return form.requestSubmit()
        } catch {
          // The server is away; it will be asked again.
        }
      }
      if (looks < 600) setTimeout(look, 2000)
    }
    setTimeout(look, 2000)
  }

  const localize = (time) => {
    const at = new Date(time.dateTime)
    const options =
      time.dataset.moment === 'day'
        ? { year: 'numeric', month: 'long', day: 'numeric' }
        : { hour: 'numeric', minute: '2-digit' }
    try {
      time.textContent = new Intl.DateTimeFormat(root.lang || undefined, options).format(at)
    } catch {
      // The server's words stand.
    }
  }

  const begin = () => {
    for (const line of document.querySelectorAll('[data-countdown]')) tick(line)
    for (const time of document.querySelectorAll('time[data-moment]')) localize(time)
    for (const form of document.querySelectorAll('form[data-goes-on="later"]')) wait(form)
    for (const list of document.querySelectorAll('[data-policy]')) {
      const field = document.getElementById(list.dataset.policy)
      if (field?.value) check(list, field.value)
    }
    // Phones that can, offer to fill in the code of a text message that names this site.
    const code = document.querySelector('input[autocomplete="one-time-code"]')
    if (code && 'OTPCredential' in window) {
      const stop = new AbortController()
      code.form?.addEventListener('submit', () => stop.abort())
      navigator.credentials
        .get({ otp: { transport: ['sms'] }, signal: stop.signal })
        .then((credential) => {
          if (credential?.code) code.value = credential.code
        })
        .catch(() => {})
    }
  }

  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', begin)
  else begin()
})()
