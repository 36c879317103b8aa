// The HTML that a protocol endpoint needs now and then. The pages draw it; the endpoints only say what it is about.
import type { Ctx } from './context.ts'

export type Answer = Response | Promise<Response>

export type Views = {
  /** A third-party app asks for consent; the form posts `x_action` `consent` or `cancel` back to this address. */
  consent(
    c: Ctx,
    about: { clientId: string; scopes: readonly string[]; userId: string; leadsTo: string; action: string },
  ): Answer
  /** A device asks to be signed in; the form posts `x_action` `consent` or `cancel` back to this address. */
  approveDevice(
    c: Ctx,
    about: { clientId: string; scopes: readonly string[]; userId: string; userCode: string; action: string },
  ): Answer
  /** Asks whether to sign out; the form posts `x_action=logout` to `action`. */
  confirmLogout(c: Ctx, about: { action: string; leadsTo: string | undefined }): Answer
  loggedOut(c: Ctx): Answer
  /** A request that cannot be sent back to its client. */
  protocolError(c: Ctx, about: { error: string; description: string }): Answer
  /** A page that posts these members to the client, by itself or by its button. */
  formPost(c: Ctx, uri: string, members: readonly [string, string][]): Answer
}
