// A turn as both views show it: the question's data with what only the world knows of its code, and for the pages what
// the person has said already.

import { totpUri } from '../authenticators/totp.ts'
import { type CodeShown, codeShown } from '../messaging/codes.ts'
import type { Node } from '../node.ts'
import type { Project } from '../projects/find.ts'
import { projectName } from '../projects/name.ts'
import type { FlowView } from './answer.ts'
import { factAt, loginIdOfRun, placeAt, type Run, userOf } from './run.ts'
import { openRecoveryCodes, openTotpSecret } from './sealed.ts'
import type { Action, ActionData, Question } from './turn.ts'

/** The view of a question. One or two statements when it waits for a code, else none. */
export async function viewOf(
  node: Node,
  project: Project,
  run: Run,
  question: Question,
  stateToken: string,
): Promise<FlowView> {
  const identification = factAt(run, question.at, 'identified')?.identification
  const code = question.waitsFor && (await codeShown(node, project, question.waitsFor))
  const action: Action = {
    type: question.step,
    ...(identification === undefined ? {} : { identification }),
    ...(question.authentication === undefined ? {} : { authentication: question.authentication }),
    data: secretOf(node, project, run, question) ?? dataOf(question, code),
  }
  const loginId = loginIdOfRun(run)
  const { config } = placeAt(run, question.at)
  const user = question.flow.type === 'reauth' ? userOf(run) : undefined
  return {
    stateToken,
    type: question.flow.type,
    name: question.flow.name,
    action,
    about: {
      ...(loginId === undefined ? {} : { loginId: { type: loginId.type, value: loginId.value } }),
      ...(user === undefined ? {} : { account: { name: user.displayName, loginIds: user.loginIds } }),
      ...(config.type === 'fill_in_user_profile' ? { attributes: config.user_profile } : {}),
      ...(code?.delayed ? { messageDelayed: true } : {}),
    },
    cookies: [],
  }
}

/** Data that shows what the facts keep sealed. */
function secretOf(node: Node, project: Project, run: Run, { data, sealed }: Question): ActionData | undefined {
  if (sealed === undefined) return undefined
  if (data.type === 'view_recovery_code_data')
    return { type: data.type, recovery_codes: openRecoveryCodes(node, project, sealed) }
  if (data.type !== 'create_totp_data') return undefined
  const secret = openTotpSecret(node, project, sealed)
  const account = loginIdOfRun(run)?.value ?? userOf(run)?.displayName ?? ''
  return { type: data.type, secret, otpauth_uri: totpUri(secret, { issuer: projectName(project), account }) }
}

function dataOf({ data }: Question, shown: CodeShown | undefined): ActionData {
  if (shown === undefined) return data as ActionData
  const state = { can_resend_at: shown.canResendAt.toISOString(), failed_attempt_rate_limit_exceeded: shown.exceeded }
  if (data.type === 'account_recovery_verify_code_data') return { ...data, ...state }
  return {
    ...data,
    ...state,
    can_check: shown.approved,
    delivery_status: shown.delivery,
    ...(shown.deliveryError === undefined ? {} : { delivery_error: shown.deliveryError }),
  } as ActionData
}
