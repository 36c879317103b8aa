// Whom a `login_hint` means (wire contract §2.3). Rules only.
import type { LoginHint } from './request.ts'

/** Whether a hint means the user with these login IDs, or nobody in particular. */
export function hintMeans(hint: LoginHint | undefined, loginIds: readonly (string | null)[]): boolean {
  const wanted = wantedLoginId(hint)?.trim().toLowerCase()
  return wanted === undefined || loginIds.some((one) => one?.toLowerCase() === wanted)
}

function wantedLoginId(hint: LoginHint | undefined): string | undefined {
  if (hint?.type === 'login_id') return hint.email ?? hint.phone ?? hint.username
  // Free text is anything; an address is somebody's.
  return hint?.type === 'text' && hint.text.includes('@') ? hint.text : undefined
}
