// Which kind of login ID a text is, where one field takes several. Rules only.
import type { LoginIdType } from '../identities/config.ts'

/**
 * Guesses by shape among the kinds that the question offers: an at sign makes an email, a plus sign or many digits a
 * telephone number, the rest a username. Whatever the guess, the flow checks it.
 * @param hint what the form says it is (`x_login_id_input_type`), which counts when it is offered.
 */
export function loginIdKind(text: string, offered: readonly LoginIdType[], hint = ''): LoginIdType | undefined {
  const named = offered.find((kind) => kind === hint)
  if (named !== undefined) return named
  const bare = text.trim()
  const likely: LoginIdType[] = bare.includes('@')
    ? ['email', 'username', 'phone']
    : /^\+[\d\s().-]*$/.test(bare)
      ? ['phone', 'username', 'email']
      : /^[\d\s().-]{6,}$/.test(bare) && !offered.includes('username')
        ? ['phone', 'email']
        : ['username', 'email', 'phone']
  return likely.find((kind) => offered.includes(kind))
}
