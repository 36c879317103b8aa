import { missing } from './errors.ts'
import type { Page } from './page.ts'

/** Where a re-authentication begins. Its app says who it is about, so the first question is already the proof. */
export const reauth: Page = {
  path: '/reauth',
  begins: () => 'reauth',
  draws: () => false,
  read: () => ({ problem: missing('identifier') }),
  view: () => ({ title: { k: 'reauth.title' }, body: null }),
}
