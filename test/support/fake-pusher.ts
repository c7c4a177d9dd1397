/** Pusher Channels on this machine: protocol 7 over WebSocket, the HTTP API for events, and signed webhooks. */
import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type WebSocket, WebSocketServer } from 'ws'
import type { ChannelEvent } from '../../src/notify/index.ts'
import type { PusherSettings } from '../../src/notify/pusher.ts'

const CHANNEL = /^[A-Za-z0-9_\-=@,.;]{1,164}$/
const MOST_NAME = 200
const MOST_EVENTS = 10
const MOST_DATA_BYTES = 10_240
const MOST_MEMBERS = 100
const CLOCKS_DIFFER_S = 600
const ACTIVITY_TIMEOUT_S = 120

/** As it comes over HTTP; `data` is JSON. */
interface Posted {
  channel: string
  name: string
  data: string
  socket_id?: string
}

interface Member {
  user_id: string
  user_info: unknown
}

interface Subscription {
  channel: string
  auth?: string
  channel_data?: string
}

interface Refusal {
  type: string
  status: number
  error: string
}

/** Before an answer begins, after its head, or not at all. */
export type Hang = 'answer' | 'body' | null

/** The status of an answer; 200 as usual, 0 closes the connection without one. */
export type Instead = (events: ChannelEvent[]) => Promise<number> | number

export interface FakePusher {
  host: string
  port: number
  settings: PusherSettings
  /** every one to the HTTP API, taken or not */
  requests: { bytes: number; events: ChannelEvent[] }[]
  /** those taken, in their order */
  events: ChannelEvent[]
  fail(next: Instead | null): void
  hang(where?: Hang): void
  sendWebhook(url: string, events: Record<string, unknown>[]): Promise<Response>
  close(): Promise<void>
}

export async function startFakePusher(options: Partial<PusherSettings> = {}): Promise<FakePusher> {
  const { appId = 'app-1917', key = 'key-5f0c19', secret = 'secret-a81d3e', port = 0 } = options
  const requests: FakePusher['requests'] = []
  const events: ChannelEvent[] = []
  const ids = new Map<WebSocket, string>()
  const rooms = new Map<string, Map<WebSocket, Member | undefined>>()
  let instead: Instead | null = null
  let hanging: Hang = null

  const sign = (signed: string): string => createHmac('sha256', secret).update(signed).digest('hex')
  const say = (socket: WebSocket, event: string, data: unknown, channel?: string): void =>
    socket.send(JSON.stringify({ event, channel, data: typeof data === 'string' ? data : JSON.stringify(data) }))

  const usersOf = (room: Iterable<Member | undefined>): Map<string, unknown> =>
    new Map([...room].flatMap(member => (member ? [[member.user_id, member.user_info]] : [])))

  function leave(socket: WebSocket, channel: string): void {
    const room = rooms.get(channel)
    const member = room?.get(socket)
    if (!room?.delete(socket)) return
    if (room.size === 0) rooms.delete(channel)
    if (member === undefined || usersOf(room.values()).has(member.user_id)) return
    for (const other of room.keys()) {
      say(other, 'pusher_internal:member_removed', { user_id: member.user_id }, channel)
    }
  }

  function refusal(socket: WebSocket, subscription: Subscription): Refusal | undefined {
    const { channel, auth, channel_data } = subscription
    if (!CHANNEL.test(channel)) return { type: 'ChannelError', status: 400, error: 'Invalid channel name' }
    const isPresence = channel.startsWith('presence-')
    if (!isPresence && !channel.startsWith('private-')) return undefined
    const signed = [ids.get(socket), channel, channel_data].filter(part => part !== undefined).join(':')
    if (auth !== `${key}:${sign(signed)}`) return { type: 'AuthError', status: 401, error: 'Invalid signature' }
    if (!isPresence) return undefined
    if (channel_data === undefined) return { type: 'AuthError', status: 401, error: 'channel_data is missing' }
    const users = usersOf(rooms.get(channel)?.values() ?? [])
    if (users.size < MOST_MEMBERS || users.has(JSON.parse(channel_data).user_id)) return undefined
    return { type: 'LimitReached', status: 403, error: 'Too many members' }
  }

  function subscribe(socket: WebSocket, subscription: Subscription): void {
    const { channel, channel_data } = subscription
    const refused = refusal(socket, subscription)
    if (refused) return void say(socket, 'pusher:subscription_error', refused, channel)
    const room = rooms.get(channel) ?? new Map<WebSocket, Member | undefined>()
    const isPresence = channel.startsWith('presence-')
    const member: Member | undefined = isPresence ? JSON.parse(channel_data!) : undefined
    if (member && !usersOf(room.values()).has(member.user_id)) {
      for (const other of room.keys()) say(other, 'pusher_internal:member_added', member, channel)
    }
    rooms.set(channel, room.set(socket, member))
    const users = usersOf(room.values())
    const presence = { count: users.size, ids: [...users.keys()], hash: Object.fromEntries(users) }
    say(socket, 'pusher_internal:subscription_succeeded', isPresence ? { presence } : {}, channel)
  }

  function connect(socket: WebSocket, request: IncomingMessage): void {
    const { pathname, searchParams } = new URL(request.url!, 'ws://fake')
    const code = pathname !== `/app/${key}` ? 4001 : searchParams.get('protocol') !== '7' ? 4007 : 0
    if (code !== 0) {
      say(socket, 'pusher:error', { code, message: 'No such application, or no such protocol' })
      return void socket.close(code)
    }
    const socketId = `${ids.size + 1}.${Math.floor(Math.random() * 1e9)}`
    ids.set(socket, socketId)
    say(socket, 'pusher:connection_established', { socket_id: socketId, activity_timeout: ACTIVITY_TIMEOUT_S })
    socket.on('message', raw => {
      const { event, data } = JSON.parse(String(raw))
      if (event === 'pusher:ping') say(socket, 'pusher:pong', {})
      else if (event === 'pusher:subscribe') subscribe(socket, data)
      else if (event === 'pusher:unsubscribe') leave(socket, data.channel)
    })
    socket.on('close', () => {
      for (const channel of [...rooms.keys()]) leave(socket, channel)
    })
  }

  /** What is wrong with a signature, with words that a log should not show. */
  function unsigned(method: string, url: URL, body: string): string | undefined {
    const { auth_signature, ...params } = Object.fromEntries(url.searchParams)
    const query = Object.keys(params)
      .sort()
      .map(name => `${name}=${params[name]}`)
    const signed = [method, url.pathname, query.join('&')].join('\n')
    const age = Math.abs(Date.now() / 1_000 - Number(params.auth_timestamp))
    if (params.auth_key !== key) return `Unknown auth_key: ${params.auth_key}`
    if (!(age <= CLOCKS_DIFFER_S)) return `Timestamp expired: ${params.auth_timestamp}`
    if (params.body_md5 !== createHash('md5').update(body).digest('hex')) return 'Invalid body_md5'
    if (auth_signature === sign(signed)) return undefined
    return `Invalid signature: you should have sent HmacSHA256Hex(${JSON.stringify(signed)}), but you sent ${auth_signature}`
  }

  function fault(posted: Posted[]): [status: number, why: string] | undefined {
    if (posted.length > MOST_EVENTS) return [400, `Batch too large (> ${MOST_EVENTS})`]
    for (const { channel, name, data } of posted) {
      if (typeof channel !== 'string' || !CHANNEL.test(channel)) return [400, `Invalid channel name: ${channel}`]
      if (typeof name !== 'string' || name.length > MOST_NAME) return [400, 'Invalid event name']
      if (typeof data !== 'string') return [400, 'The data is not a string']
      if (Buffer.byteLength(data) > MOST_DATA_BYTES) return [413, 'The data content of this event exceeds 10240 bytes']
    }
    return undefined
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://fake')
    const body = await text(request)
    const answer = (status: number, said: string): void => void response.writeHead(status).end(said)
    const isBatch = url.pathname === `/apps/${appId}/batch_events`
    const isKnown = isBatch || url.pathname === `/apps/${appId}/events`
    if (request.method !== 'POST' || !isKnown) return answer(404, 'Not found')
    const { batch, channels, ...one } = JSON.parse(body)
    const posted: Posted[] = batch ?? (channels ?? [one.channel]).map((channel: string) => ({ ...one, channel }))
    const read: ChannelEvent[] = posted.map(({ channel, name, data }) => ({ channel, name, data: JSON.parse(data) }))
    requests.push({ bytes: Buffer.byteLength(body), events: read })
    if (hanging === 'body') response.writeHead(500).write('It ')
    if (hanging !== null) return
    const badSignature = unsigned(request.method, url, body)
    if (badSignature !== undefined) return answer(401, badSignature)
    const status = (await instead?.(read)) ?? 200
    if (status === 0) return void request.socket.destroy()
    const signature = url.searchParams.get('auth_signature')
    const no = `No, ${appId} with ${key} and ${secret}. ${signature} ${'So. '.repeat(99)}`
    if (status !== 200) return answer(status, no)
    const wrong = fault(posted)
    if (wrong) return answer(...wrong)
    events.push(...read)
    for (const { channel, name, data, socket_id } of posted) {
      for (const socket of rooms.get(channel)?.keys() ?? []) {
        if (ids.get(socket) !== socket_id) say(socket, name, data, channel)
      }
    }
    answer(200, '{}')
  }

  const http = createServer((request, response) => {
    serve(request, response).catch(() => response.writeHead(400).end('Not JSON'))
  })
  const sockets = new WebSocketServer({ server: http })
  sockets.on('connection', connect)
  await new Promise<void>(resolve => http.listen(port, '127.0.0.1', resolve))
  const at = { host: '127.0.0.1', port: (http.address() as AddressInfo).port }

  return {
    ...at,
    settings: { appId, key, secret, ...at, tls: false },
    requests,
    events,
    fail: next => {
      instead = next
    },
    hang: (where = 'answer') => {
      hanging = where
    },
    sendWebhook: (url, webhookEvents) => {
      const body = JSON.stringify({ time_ms: Date.now(), events: webhookEvents })
      const signature = { 'x-pusher-key': key, 'x-pusher-signature': sign(body) }
      return fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...signature } })
    },
    close: async () => {
      for (const socket of sockets.clients) socket.terminate()
      http.closeAllConnections()
      await new Promise(resolve => http.close(resolve))
    },
  }
}
