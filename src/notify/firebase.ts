/** Push by Firebase Cloud Messaging. */
import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import https, { type Agent } from 'node:https'
import { text } from 'node:stream/consumers'
import type { FirebaseError, GoogleOAuthAccessToken } from 'firebase-admin/app'
import type { Message, SendResponse } from 'firebase-admin/messaging'
import { RollcallError } from '../errors.ts'
import { systemTime, type Time, within } from '../time.ts'
import type { Delivery, Push, PushMessage, Registration } from './index.ts'

export interface FirebaseSettings {
  projectId: string
  clientEmail: string
  /** PEM; the ends of its lines may be written as \n */
  privateKey: string
  /** given, all goes through it by HTTP/1.1, else messages go by HTTP/2 */
  agent?: Agent
}

export interface FirebaseOptions extends FirebaseSettings {
  time?: Time
}

type ServiceAccount = Pick<FirebaseSettings, 'clientEmail' | 'agent'> & { key: KeyObject }

const TOKEN_URL = 'https://oauth2.googleapis.com/token'
const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'
const TOKEN_WITHIN_MS = 15_000
/** Sending ends here: the SDK tries again for minutes, and waits for ever for an HTTP/2 connection that was closed. */
const SEND_WITHIN_MS = 60_000
/** Firebase keeps no message longer. */
const LONGEST_TTL_MS = 28 * 86_400_000
const RATE_EXCEEDED_MS = 60_000
const LONGEST_TEXT = 200

const DEAD = ['messaging/registration-token-not-registered', 'messaging/installation-id-not-registered']
/** INVALID_ARGUMENT, SENDER_ID_MISMATCH, and what the SDK sends to nobody: of a registration or of the message. */
const UNFIT = ['invalid-argument', 'mismatched-credential', 'invalid-registration-token', 'invalid-payload']
const PASSING = ['messaging/server-unavailable', 'messaging/internal-error', 'messaging/unknown-error']

const digest = (name: string): string => createHash('sha256').update(name).digest('base64url')

function messageFor(message: PushMessage, now: number): (to: Registration) => Message {
  const { title, body, data, collapseKey, expiresAt } = message
  const ttl = Math.floor(Math.min(Math.max(expiresAt - now, 0), LONGEST_TTL_MS))
  const expiration = Math.floor((now + ttl) / 1_000)
  const key = /^[!-~]{1,64}$/.test(collapseKey) ? collapseKey : digest(collapseKey)
  const shared = {
    notification: { title, body },
    data,
    // The key merges what is not delivered yet, the tag replaces what is shown.
    android: { collapseKey: key, ttl, priority: 'high' as const, notification: { tag: key } },
    apns: { headers: { 'apns-collapse-id': key, 'apns-expiration': `${expiration}` } },
    webpush: {
      headers: { TTL: `${Math.floor(ttl / 1_000)}`, Topic: digest(collapseKey).slice(0, 32) },
      notification: { tag: key },
    },
  }
  return ({ kind, value }) => (kind === 'fid' ? { ...shared, fid: value } : { ...shared, token: value })
}

/** The ms that a `retry-after` asks for; undefined: it says nothing. */
function waitOf(retryAfter: string | undefined, now: number): number | undefined {
  if (!retryAfter) return undefined
  const wait = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - now
  return Number.isNaN(wait) ? undefined : Math.max(wait, 0)
}

/** A fault that may pass. Without a status there was no answer; without a `wait` none was asked for. */
function passing(message: string, status: number | undefined, wait?: number): RollcallError {
  const isUnreachable = status === undefined || [502, 503, 504].includes(status)
  const retryAfterMs = wait ?? (status === 429 ? RATE_EXCEEDED_MS : 0)
  return new RollcallError(isUnreachable ? 'RC_SERVICE_UNREACHABLE' : 'RC_SERVICE_BUSY', message, { retryAfterMs })
}

function assertionOf({ clientEmail, key }: ServiceAccount, now: number): string {
  const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const iat = Math.floor(now / 1_000)
  const claims = { iss: clientEmail, scope: SCOPE, aud: TOKEN_URL, iat, exp: iat + 3_600 }
  const signed = `${encoded({ alg: 'RS256', typ: 'JWT' })}.${encoded(claims)}`
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`
}

/** An access token, asked for here: the SDK asks without end, knows of no agent and complains on stderr. */
async function accessToken(account: ServiceAccount, time: Time): Promise<GoogleOAuthAccessToken> {
  const { agent = false } = account
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: assertionOf(account, time.now()),
  }
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const late = new AbortController()
  const options = { method: 'POST', headers, agent, signal: late.signal }
  const cancel = time.after(TOKEN_WITHIN_MS, () => late.abort())
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  https
    .request(TOKEN_URL, options, resolve)
    .on('error', reject)
    .end(`${new URLSearchParams(form)}`)
  try {
    const response = await promise
    const { statusCode, headers } = response
    const answer = await text(response)
    if (statusCode === 200) {
      const { access_token, expires_in } = JSON.parse(answer)
      if (access_token && typeof expires_in === 'number') return { access_token, expires_in }
      throw passing('no access token: it is missing in the answer', statusCode)
    }
    const beginning = answer.replace(/\s+/g, ' ').slice(0, LONGEST_TEXT)
    const wait = waitOf(headers['retry-after'], time.now())
    throw passing(`no access token: ${statusCode} ${beginning}`, statusCode, wait)
  } catch (error) {
    if (error instanceof RollcallError) throw error
    const { name, code = name } = error as NodeJS.ErrnoException
    throw passing(`no access token: ${code}`, undefined)
  } finally {
    cancel()
  }
}

/** Tells if Firebase speaks of the registration, as it does also of its APNs certificate and of its sender. */
const isOfRegistration = ({ httpResponse }: FirebaseError): boolean =>
  JSON.stringify(httpResponse?.data ?? '').includes('google.firebase.fcm.v1.FcmError')

const isCredentialRefused = (error: FirebaseError): boolean =>
  [401, 403].includes(error.httpResponse?.status ?? 0) && !isOfRegistration(error)

const saysNothingOfRegistration = (error: FirebaseError): boolean =>
  isCredentialRefused(error) || (error.httpResponse === undefined && error.code !== 'messaging/invalid-payload')

function deliveryOf(error: FirebaseError, now: number, secrets: string[] = []): Delivery {
  const { code = error.name, httpResponse, cause } = error
  // A project that is not there is not found either.
  if (DEAD.includes(code)) return isOfRegistration(error) ? 'dead' : 'unfit'
  if (UNFIT.some(name => code === `messaging/${name}`) && !saysNothingOfRegistration(error)) return 'unfit'
  if (cause instanceof RollcallError) return cause
  const masked = secrets.reduce((all, secret) => (secret === '' ? all : all.replaceAll(secret, '…')), error.message)
  const message = `${code}: ${masked.slice(0, LONGEST_TEXT)}`
  const wait = waitOf(httpResponse?.headers['retry-after'], now)
  if (code.endsWith('rate-exceeded')) return passing(message, 429, wait)
  if (PASSING.includes(code) || !code.startsWith('messaging/')) return passing(message, httpResponse?.status, wait)
  return new RollcallError(isCredentialRefused(error) ? 'RC_SERVICE_BUSY' : 'RC_SERVICE_REFUSED', message)
}

const keyOf = (pem: string): KeyObject => createPrivateKey(pem.replaceAll('\\n', '\n'))

export function isRsaKey(pem: string): boolean {
  try {
    return keyOf(pem).asymmetricKeyType === 'rsa'
  } catch {
    // The error is left out: it could show some of the key.
    return false
  }
}

/** Throws RC_CONFIG_INVALID if the private key is none. */
export async function openFirebase({ time = systemTime, ...settings }: FirebaseOptions): Promise<Push> {
  const { projectId, clientEmail, privateKey, agent } = settings
  if (!isRsaKey(privateKey)) throw new RollcallError('RC_CONFIG_INVALID', 'The private key is not a PEM of an RSA key.')
  const account = { clientEmail, key: keyOf(privateKey), ...(agent && { agent }) }
  const { deleteApp, initializeApp } = await import('firebase-admin/app')
  const { getMessaging } = await import('firebase-admin/messaging')
  let token = ''
  const getAccessToken = async (): Promise<GoogleOAuthAccessToken> => {
    const issued = await accessToken(account, time)
    token = issued.access_token
    return issued
  }
  const options = { projectId, credential: { getAccessToken }, ...(agent && { httpAgent: agent }) }
  const app = initializeApp(options, time.id())
  const messaging = getMessaging(app)
  if (agent) messaging.enableLegacyHttpTransport()
  const underWay = new Set<Promise<unknown>>()
  let closed: Promise<void> | undefined

  const sendEach = async (messages: Message[]): Promise<SendResponse[]> => {
    const late = (): RollcallError => passing('no answer in time', undefined)
    try {
      return (await within(time, SEND_WITHIN_MS, messaging.sendEach(messages), late)).responses
    } catch (error) {
      throw error instanceof RollcallError ? error : deliveryOf(error as FirebaseError, time.now())
    }
  }
  const send = async (message: PushMessage, to: readonly Registration[]): Promise<Delivery[]> => {
    const responses = await sendEach(to.map(messageFor(message, time.now())))
    const deliveries = responses.map(({ error }, index) =>
      error ? deliveryOf(error, time.now(), [to[index]!.value, token]) : 'sent',
    )
    if (responses.every(({ error }) => error && saysNothingOfRegistration(error))) throw deliveries[0]
    return deliveries
  }

  return {
    send: async (message, to) => {
      if (closed) throw new RollcallError('RC_CLOSING')
      const sending = send(message, to)
      underWay.add(sending)
      try {
        return await sending
      } finally {
        underWay.delete(sending)
      }
    },
    close: () => {
      closed ??= Promise.allSettled(underWay).then(() => deleteApp(app))
      return closed
    },
  }
}
