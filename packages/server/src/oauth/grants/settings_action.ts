// Redeems the code that a finished settings action left (wire contract §2.5). It yields nothing but the word that it is done.
import { scopeOf } from '../../projects/find.ts'
import { oauthRefusal } from '../../refusal.ts'
import { findCode, spendCode } from '../codes.ts'
import type { GrantType } from '../grants.ts'
import { checkCode } from './authorization_code.ts'

export const settingsActionGrant: GrantType = {
  type: 'urn:authgear:params:oauth:grant-type:settings-action',
  async exchange(request) {
    const { node, project, form } = request
    const text = form.get('code')
    if (text === undefined) throw oauthRefusal('invalid_request', 'code is required')
    const scope = scopeOf(node.world.db, project)
    const code = await findCode(scope, text, 'settings_action')
    checkCode(code, request)
    const spent = await spendCode(scope, code.id, node.world.clock.now())
    if (!spent) throw oauthRefusal('invalid_grant', 'invalid authorization code', { detail: 'used before' })
    return {}
  },
}
