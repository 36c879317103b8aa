// The three that are asked who you are. Each answers for itself, and what it says is shown as it is.
import { element } from './page.ts'

export type Ask = () => Promise<{ status: number; body: unknown }>

type Status = 'ok' | 'refused' | 'broken' | 'down' | 'waiting'

/** Shows what one of them said. Throws nothing: no answer is an answer worth showing. */
export async function ask(id: string, request: Ask): Promise<Status> {
  const card = element(id)
  const began = performance.now()
  try {
    const { status, body } = await request()
    const ms = Math.max(1, Math.round(performance.now() - began))
    const verdict = status === 200 ? 'ok' : status === 401 ? 'refused' : 'broken'
    const words = { ok: `${status} · knows you`, refused: `${status} · doesn't know you`, broken: `${status}` }[verdict]
    show(card, verdict, `${words} · ${ms} ms`, body)
    return verdict
  } catch {
    show(card, 'down', card.querySelector('.remedy') === null ? 'no answer' : 'not started', undefined)
    return 'down'
  }
}

function show(card: HTMLElement, status: Status, words: string, body: unknown): void {
  card.dataset.status = status
  part(card, '.status').textContent = words
  const answer = part(card, '.answer')
  answer.hidden = body === undefined
  const text = body === undefined ? '' : JSON.stringify(body, null, 2)
  if (answer.textContent !== text) answer.textContent = text
  const remedy = card.querySelector<HTMLElement>('.remedy')
  if (remedy !== null) remedy.hidden = status !== 'down'
}

function part(card: HTMLElement, selector: string): HTMLElement {
  const found = card.querySelector<HTMLElement>(selector)
  if (found === null) throw new Error(`index.html: #${card.id} has no ${selector}`)
  return found
}
