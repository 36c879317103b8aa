import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../refusal.ts'
import { logoutId, logoutPosition, nodeId, rawId, readNodeId } from './ids.ts'

const uuid = fc.uuid()
const publicId = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'))

describe('node ids', () => {
  test('are the text that clients of the contract keep', () => {
    expect(nodeId('User', '97b1c929-842c-415c-a7df-6fe80ca77e88')).toBe(
      'VXNlcjo5N2IxYzkyOS04NDJjLTQxNWMtYTdkZi02ZmU4MGNhNzdlODg',
    )
  })

  test('read back as they were written', () => {
    fc.assert(
      fc.property(uuid, publicId, (id, session) => {
        for (const type of ['User', 'Identity', 'Authenticator', 'Authorization'] as const)
          expect(readNodeId(nodeId(type, id))).toEqual({ type, raw: id })
        expect(readNodeId(nodeId('Session', session))).toEqual({ type: 'Session', raw: session })
        const delivery = logoutId({ event_id: id, grant_id: Buffer.from(session, 'base64url') })
        const read = readNodeId(nodeId('BackchannelLogoutDelivery', delivery))
        expect(logoutId(logoutPosition(read?.raw ?? ''))).toBe(delivery)
      }),
    )
  })

  test('have one spelling', () => {
    const id = '97b1c929-842c-415c-a7df-6fe80ca77e88'
    const good = nodeId('User', id)
    const padded = Buffer.from(`User:${id}`).toString('base64')
    for (const bad of [
      `${good} `,
      padded,
      good.slice(0, -1),
      nodeId('User', id.toUpperCase()),
      id,
      '',
      'VXNlcg',
      'VXNlcjo',
    ])
      expect(readNodeId(bad), bad).toBeUndefined()
    expect(readNodeId(nodeId('constructor' as never, id))).toBeUndefined()
    expect(readNodeId(nodeId('Session', `${'A'.repeat(21)}B`))).toBeUndefined()
  })

  test('never throw, whatever comes', () => {
    fc.assert(fc.property(fc.string(), (text) => void readNodeId(text)))
  })

  test('of another type are refused as arguments', () => {
    expect(() => rawId('Session', nodeId('User', '97b1c929-842c-415c-a7df-6fe80ca77e88'))).toThrow(Refusal)
  })
})
