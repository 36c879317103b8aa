// The elements of index.html by id, and the few things drawn more than once.
import type { Line } from './wire.ts'

/** @throws Error when index.html and the script disagree. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`index.html has no #${id}`)
  return found as T
}

export type Tone = 'info' | 'ok' | 'danger'

/** Says something about the page as a whole; trouble is announced at once. `remedy` adds a button. */
export function notify(tone: Tone, text: string, remedy?: { label: string; act: () => void }): void {
  const notice = element('notice')
  notice.className = `notice ${tone}`
  notice.setAttribute('role', tone === 'danger' ? 'alert' : 'status')
  notice.replaceChildren(make('span', '', text))
  if (remedy !== undefined) {
    const button = make('button', 'button text', remedy.label)
    button.type = 'button'
    button.addEventListener('click', remedy.act)
    notice.append(button)
  }
  notice.hidden = false
}

export function quiet(): void {
  element('notice').hidden = true
}

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  text = '',
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  made.className = className
  made.textContent = text
  return made
}

export function chip(text: string, tone = ''): HTMLLIElement {
  return make('li', `chip ${tone}`.trim(), text)
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })

export function timeOf(at: Date | number): string {
  return clock.format(at)
}

export function drawLog(lines: readonly Line[]): void {
  const log = element('log')
  if (lines.length === 0) {
    log.replaceChildren(make('li', 'nothing', 'Every request of this page shows up here, and what it is for.'))
    return
  }
  log.replaceChildren(
    ...lines.map((line) => {
      const item = make('li', 'line')
      // A 401 is an answer like another here: it says that nobody is signed in.
      const tone =
        line.status === 401 || line.status === 'no answer' ? 'quiet' : Number(line.status) < 400 ? 'ok' : 'danger'
      const head = make('p', 'line-head')
      head.append(make('span', 'method', line.method), make('code', 'target', line.target))
      if (line.status !== undefined) head.append(make('span', `result ${tone}`, String(line.status)))
      const times = line.times > 1 ? ` · ${line.times} times` : ''
      const took = line.ms === undefined ? '' : ` · ${Math.max(1, Math.round(line.ms))} ms`
      item.append(head, make('p', 'line-why', `${line.why} · ${timeOf(line.at)}${took}${times}`))
      return item
    }),
  )
}
