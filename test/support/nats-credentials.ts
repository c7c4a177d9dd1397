import { nkeys } from '@nats-io/transport-node'

type KeyPair = ReturnType<typeof nkeys.createUser>

export interface NatsCredentials {
  /** what a server's configuration holds to take them, and nobody else */
  config: string
  /** what the .creds file holds */
  creds: string
}

const ALL = -1
const LIMITS = { subs: ALL, data: ALL, payload: ALL, imports: ALL, exports: ALL, wildcards: true, conn: ALL, leaf: ALL }
const JETSTREAM = { mem_storage: ALL, disk_storage: ALL, streams: ALL, consumer: ALL }

/** An operator of its own with one account and one user, signed as `nsc` would. */
export function natsCredentials(): NatsCredentials {
  const operator = nkeys.createOperator()
  const [account, system, user] = [nkeys.createAccount(), nkeys.createAccount(), nkeys.createUser()]
  const [accountId, systemId] = [account.getPublicKey(), system.getPublicKey()]
  const accountJwt = signed(account, operator, { type: 'account', limits: { ...LIMITS, ...JETSTREAM } })
  const systemJwt = signed(system, operator, { type: 'account', limits: LIMITS })
  const userJwt = signed(user, account, { type: 'user', subs: ALL, data: ALL, payload: ALL })
  const config = [
    `operator: '${signed(operator, operator, { type: 'operator' })}'`,
    `system_account: ${systemId}`,
    'resolver: MEMORY',
    `resolver_preload: { ${accountId}: '${accountJwt}', ${systemId}: '${systemJwt}' }`,
  ]
  return { config: config.join('\n'), creds: block('NATS USER JWT', userJwt) + block('USER NKEY SEED', seedOf(user)) }
}

const encoded = (value: string | Uint8Array): string => Buffer.from(value).toString('base64url')
const seedOf = (key: KeyPair): string => Buffer.from(key.getSeed()).toString()
const block = (name: string, value: string): string => `-----BEGIN ${name}-----\n${value}\n------END ${name}------\n\n`

function signed(subject: KeyPair, signer: KeyPair, nats: object): string {
  const claims = {
    ...{ iat: 1_700_000_000, jti: subject.getPublicKey(), name: 'test', nats: { version: 2, ...nats } },
    ...{ iss: signer.getPublicKey(), sub: subject.getPublicKey() },
  }
  const text = [{ typ: 'JWT', alg: 'ed25519-nkey' }, claims].map(part => encoded(JSON.stringify(part))).join('.')
  return `${text}.${encoded(signer.sign(Buffer.from(text)))}`
}
