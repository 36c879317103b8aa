// Text messages through a project's own gateway (authentication §4.4, «custom gateway»).
import type { Fetch } from '../http/outbound.ts'
import { Refusal } from '../refusal.ts'
import type { SmsSender } from './channels.ts'

const reasons: Record<string, string> = {
  invalid_phone_number: 'SMSGatewayInvalidPhoneNumber',
  rate_limited: 'SMSGatewayRateLimited',
  authentication_failed: 'SMSGatewayAuthenticationFailed',
  delivery_rejected: 'SMSGatewayDeliveryRejected',
  timeout: 'SMSGatewayTimeout',
  unsupported_request: 'SMSGatewayUnsupportedRequest',
}

const failed = (reason: string, detail: string) =>
  new Refusal({ name: 'InternalError', reason, message: 'the SMS gateway did not take the message', detail })

/** Posts the message as JSON. A 2xx answer that is not of the gateway's form counts as taken. */
export function webhookSms(fetch: Fetch): SmsSender {
  return async (sms, gateway) => {
    if (gateway === undefined) throw failed('NoAvailableSMSClient', 'no gateway is configured')
    const response = await fetch(gateway.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      timeoutSeconds: gateway.timeoutSeconds,
      maxBytes: 65_536,
      body: JSON.stringify({
        to: sms.to,
        body: sms.body,
        app_id: sms.projectId,
        template_name: sms.template,
        language_tag: sms.language,
        template_variables: sms.variables,
      }),
    })
    const code = replyCode(response.text)
    if (response.status >= 200 && response.status < 300 && (code === undefined || code === 'ok')) return
    throw failed(
      reasons[code ?? ''] ?? 'OTPDeliveryUnexpectedError',
      `gateway answered ${response.status} ${code ?? ''}`,
    )
  }
}

function replyCode(text: string): string | undefined {
  try {
    const reply: unknown = JSON.parse(text)
    return typeof reply === 'object' && reply !== null && 'code' in reply && typeof reply.code === 'string'
      ? reply.code
      : undefined
  } catch {
    return undefined
  }
}
