/** Firebase Cloud Messaging and Google's token endpoint on a port of this machine, in plain text, by HTTP/1.1 and 2. */
import { createPublicKey, generateKeyPairSync, randomUUID, verify } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { FirebaseSettings } from '../../src/notify/firebase.ts'

/** A message as it is on the wire. */
export interface WireMessage {
  fid?: string
  token?: string
  notification: { title: string; body: string }
  data: Record<string, string>
  android: { collapse_key: string; ttl: string; priority: string }
  apns: { headers: Record<string, string> }
  webpush: { headers: Record<string, string> }
}

export interface Answer {
  status: number
  headers?: Record<string, string>
  /** text as it is, all else as JSON */
  body?: unknown
}

/** 'hang up' closes the connection without an answer */
type Instead = Answer | 'silence' | 'hang up'
type Request = http.IncomingMessage | http2.Http2ServerRequest
type Response = http.ServerResponse | http2.Http2ServerResponse

export interface FakeFirebase {
  /** of an account it knows, with an agent that leads to it */
  settings: Required<FirebaseSettings>
  env: { FIREBASE_PROJECT_ID: string; FIREBASE_CLIENT_EMAIL: string; FIREBASE_PRIVATE_KEY: string }
  port: number
  /** those accepted, in their order */
  messages: WireMessage[]
  /** the HTTP version each request for a message came by */
  versions: string[]
  /** registrations nobody has any more */
  dead: Set<string>
  /** the access tokens issued */
  tokens: Set<string>
  /** what it does for a registration in place of what it would, if not null */
  answer(next: ((registration: string) => Instead | null) | null): void
  /** the same for a request for an access token */
  answerToken(next: (() => Instead | null) | null): void
  /** Ends all connections as well. */
  close(): Promise<void>
}

const KEYS = generateKeyPairSync('rsa', { modulusLength: 2048 })
const privateKey = KEYS.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** What Firebase answers when it will not: `fcm` is its own code, which only what concerns a registration has. */
export const failure = (code: number, status: string, fcm?: string, headers: Record<string, string> = {}): Answer => {
  const type = 'type.googleapis.com/google.firebase.fcm.v1.FcmError'
  const details = fcm ? [{ '@type': type, errorCode: fcm }] : []
  return { status: code, headers, body: { error: { code, message: `It is ${status}.`, status, details } } }
}

export const INVALID_GRANT: Answer = {
  status: 400,
  body: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' },
}

/** Every connection of it, to wherever, leads to the port. */
class AgentTo extends https.Agent {
  readonly #port: number

  constructor(port: number) {
    super()
    this.#port = port
  }

  override createConnection(): net.Socket {
    return net.connect(this.#port, '127.0.0.1')
  }
}

function isSigned(assertion: string, clientEmail: string): boolean {
  const [header, claims, signature] = assertion.split('.')
  if (!header || !claims || !signature) return false
  const { iss, aud } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  const signed = Buffer.from(`${header}.${claims}`)
  const publicKey = createPublicKey(KEYS.publicKey.export({ type: 'spki', format: 'pem' }))
  const isVerified = verify('RSA-SHA256', signed, publicKey, Buffer.from(signature, 'base64url'))
  return isVerified && iss === clientEmail && aud === 'https://oauth2.googleapis.com/token'
}

export async function startFakeFirebase({ port: wanted = 0 } = {}): Promise<FakeFirebase> {
  const projectId = 'rollcall-fake'
  const clientEmail = 'push@rollcall-fake.iam.gserviceaccount.com'
  const [messages, versions, dead, tokens]: [WireMessage[], string[], Set<string>, Set<string>] = [
    [],
    [],
    new Set(),
    new Set(),
  ]
  let instead: ((registration: string) => Instead | null) | null = null
  let insteadOfToken: (() => Instead | null) | null = null

  const answerToken = (body: string): Instead => {
    const given = insteadOfToken?.()
    if (given) return given
    if (!isSigned(new URLSearchParams(body).get('assertion') ?? '', clientEmail)) return INVALID_GRANT
    const token = `ya29.${randomUUID()}`
    tokens.add(token)
    return { status: 200, body: { access_token: token, expires_in: 3_599, token_type: 'Bearer' } }
  }
  const answerMessage = (body: string, authorization: string | undefined): Instead => {
    if (!tokens.has(authorization?.replace(/^Bearer /, '') ?? '')) return failure(401, 'UNAUTHENTICATED')
    const { message }: { message: WireMessage } = JSON.parse(body)
    const { fid, token } = message
    const registration = fid ?? token
    if (!registration || (fid && token)) return failure(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT')
    const given = instead?.(registration)
    if (given) return given
    if (dead.has(registration)) return failure(404, 'NOT_FOUND', 'UNREGISTERED')
    messages.push(message)
    return { status: 200, body: { name: `projects/${projectId}/messages/${messages.length}` } }
  }
  const serve = async (request: Request, response: Response): Promise<void> => {
    const { method, url, headers, httpVersion } = request
    const body = (await buffer(request)).toString()
    let answer: Instead = { status: 404, body: 'there is no such path' }
    if (method === 'POST' && url === '/token') answer = answerToken(body)
    if (method === 'POST' && url === `/v1/projects/${projectId}/messages:send`) {
      versions.push(httpVersion)
      answer = answerMessage(body, headers.authorization)
    }
    if (answer === 'hang up') request.socket.destroy()
    if (typeof answer === 'string') return
    const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {})
    response.statusCode = answer.status
    for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value)
    response.end(text)
  }
  const [one, two] = [http.createServer(serve), http2.createServer(serve)]
  const sockets = new Set<net.Socket>()
  const server = net.createServer(socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
    socket.once('readable', () => {
      const first: Buffer | null = socket.read()
      if (first === null) return
      socket.unshift(first)
      const spoken: net.Server = first.toString('latin1').startsWith('PRI * HTTP/2') ? two : one
      spoken.emit('connection', socket)
    })
  })
  await once(server.listen(wanted, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    settings: { projectId, clientEmail, privateKey, agent: new AgentTo(port) },
    env: { FIREBASE_PROJECT_ID: projectId, FIREBASE_CLIENT_EMAIL: clientEmail, FIREBASE_PRIVATE_KEY: privateKey },
    ...{ port, messages, versions, dead, tokens },
    answer: next => {
      instead = next
    },
    answerToken: next => {
      insteadOfToken = next
    },
    close: async () => {
      const closed = once(server.close(), 'close')
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
