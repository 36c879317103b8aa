// What is said to a certificate authority (RFC 8555), with `acme-client`. Challenges are answered over plain HTTP (§8.3):
// the port is there anyway for the way to HTTPS, any node can answer, and a certificate in use is not in the way.
import { X509Certificate } from 'node:crypto'
import type { Sealer } from '../keys/seal.ts'
import { after, type Instant, type World } from '../world.ts'
import { accountAt, deleteChallenge, insertChallenge, saveAccountUrl } from './store.ts'

/** Let's Encrypt. */
export const usualDirectory = 'https://acme-v02.api.letsencrypt.org/directory'

export type Authority = {
  /** Address of the authority's directory. */
  directory: string
  /** Whom the authority may write to. */
  email: string
}

export type Issued = { chain: string; key: string; notBefore: Instant; notAfter: Instant }

const requestSeconds = 20
/** A challenge is answered for as long as an order may take, and some more. */
const challengeSeconds = 600

/**
 * Orders a certificate for one name, and waits until it is there. Giving an authority's directory agrees to its terms.
 * @returns chain and new key as PEM.
 * @throws Error with what the authority says is wrong.
 */
export async function orderCertificate(
  { world, sealer }: { world: World; sealer: Sealer },
  { directory, email }: Authority,
  name: string,
): Promise<Issued> {
  const { query } = world.db
  const { default: acme } = await import('acme-client') // large, and seldom needed
  acme.axios.defaults.timeout = requestSeconds * 1000
  const account = await accountAt(query, sealer, directory, {
    key: async () => (await acme.crypto.createPrivateEcdsaKey('P-256')).toString(),
    now: world.clock.now(),
  })
  const client = new acme.Client({
    directoryUrl: directory,
    accountKey: account.key,
    ...(account.url === null ? {} : { accountUrl: account.url }),
    backoffAttempts: 20,
    backoffMin: 500,
    backoffMax: 5000,
  })
  const [key, csr] = await acme.crypto.createCsr({ altNames: [name] }, await acme.crypto.createPrivateEcdsaKey('P-256'))
  try {
    const chain = await client.auto({
      csr,
      email,
      termsOfServiceAgreed: true,
      challengePriority: ['http-01'],
      // Whether we are reached under the name is for the authority to say: from here it may look otherwise.
      skipChallengeVerification: true,
      challengeCreateFn: async (_, { type, token }, answer) => {
        if (type !== 'http-01') throw new Error(`the authority offers no http-01 challenge for ${name}`)
        const expiresAt = after(world.clock.now(), challengeSeconds)
        await insertChallenge(query, { token, name, answer, expiresAt })
      },
      challengeRemoveFn: (_, { token }) => deleteChallenge(query, token),
    })
    if (account.url === null) await saveAccountUrl(query, directory, client.getAccountUrl())
    const { validFromDate: notBefore, validToDate: notAfter } = new X509Certificate(chain)
    return { chain, key: key.toString(), notBefore, notAfter }
  } catch (error) {
    // An account that the authority knows no more is registered again with the next order.
    if (/accountDoesNotExist|unknown account/i.test((error as Error).message))
      await saveAccountUrl(query, directory, null)
    throw error
  }
}
