import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { AuthenticationFlowConfig, flowDoubts, recoveryChannels } from './config.ts'

const read = (text: string) => AuthenticationFlowConfig.parse(parse(text))

describe('a flow', () => {
  test('has its defaults at every depth', () => {
    const { signup_flows, login_flows, account_recovery_flows } = read(`
signup_flows: [{ name: a, steps: [{ type: create_authenticator, one_of: [{ authentication: primary_oob_otp_email }] }] }]
login_flows:
- name: a
  steps: [{ type: identify, one_of: [{ identification: email, steps: [{ type: authenticate, one_of: [{ authentication: primary_password }] }] }] }]
account_recovery_flows: [{ name: a, steps: [{ type: identify, one_of: [{ identification: email }] }, { type: select_destination, allowed_channels: [] }] }]
`)
    expect(signup_flows[0]?.steps).toEqual([
      {
        type: 'create_authenticator',
        one_of: [{ authentication: 'primary_oob_otp_email', verification_required: true, steps: [] }],
      },
    ])
    expect(login_flows[0]?.steps).toEqual([
      {
        type: 'identify',
        one_of: [
          {
            identification: 'email',
            steps: [
              { type: 'authenticate', optional: false, one_of: [{ authentication: 'primary_password', steps: [] }] },
            ],
          },
        ],
      },
    ])
    expect(account_recovery_flows[0]?.steps).toEqual([
      { type: 'identify', one_of: [{ identification: 'email', on_failure: 'ignore', steps: [] }] },
      { type: 'select_destination', enumerate_destinations: false, allowed_channels: recoveryChannels },
    ])
  })

  test.each([
    ['login', 'identify', 'identification: siwe'],
    ['login', 'create_authenticator', 'authentication: primary_password'],
    ['signup', 'create_authenticator', 'authentication: recovery_code'],
    ['signup', 'create_authenticator', 'authentication: primary_passkey'],
    ['signup', 'identify', 'identification: select_account'],
    ['reauth', 'identify', 'identification: email'],
    ['reauth', 'authenticate', 'authentication: recovery_code'],
    ['reauth', 'authenticate', 'authentication: primary_password, target_step: a'],
    ['account_recovery', 'identify', 'identification: oauth'],
    ['signup_login', 'identify', 'identification: email, signup_flow: default, login_flow: default, steps: []'],
  ])('%s refuses %s with %s', (flow, type, branch) => {
    expect(
      AuthenticationFlowConfig.safeParse(
        parse(`${flow}_flows: [{ name: a, steps: [{ type: ${type}, one_of: [{ ${branch} }] }] }]`),
      ).success,
    ).toBe(false)
  })
})

describe('doubts', () => {
  test('steps and flows that nothing leads to', () => {
    const config = read(`
signup_flows:
- name: a
  steps:
  - name: who
    type: identify
    one_of:
    - identification: email
      account_linking: { oauth: [{ name: x, login_flow: gone }] }
      steps: [{ type: verify, target_step: who }, { type: verify, target_step: whom }]
login_flows:
- name: a
  steps:
  - type: identify
    one_of: [{ identification: email, steps: [{ name: deep, type: authenticate, one_of: [{ authentication: primary_password }] }] }]
  - { type: change_password, target_step: deep }
signup_login_flows:
- name: a
  steps: [{ type: identify, one_of: [{ identification: email, signup_flow: a, login_flow: b }, { identification: phone, signup_flow: b, login_flow: default }] }]
`)
    expect(flowDoubts(config).map(({ path }) => path.join('/'))).toEqual([
      'signup_flows/0/steps/0/one_of/0/account_linking/oauth/0/login_flow',
      'signup_flows/0/steps/0/one_of/0/steps/1/target_step',
      'signup_login_flows/0/steps/0/one_of/0/login_flow',
      'signup_login_flows/0/steps/0/one_of/1/signup_flow',
    ])
  })
})
