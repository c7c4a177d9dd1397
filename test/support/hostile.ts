import { connect, type Socket } from 'node:net'
import { afterEach, beforeAll, expect } from 'vitest'
import { type Body, type Env, type Reply, type Server, startServer } from './server.ts'

export const JSON_TYPE = { 'content-type': 'application/json' }
export const NOW = Date.now()
export const LONG = 'x'.repeat(10_000)
export const beat = { userId: 'u', path: '/' }

/** A server that has to stand, as the process it is, whatever the tests of a file send to it. */
export function standingServer(): {
  readonly server: Server
  raw(path: string, body: string, headers?: Env): Promise<Reply>
} {
  let server: Server
  let pid: number

  beforeAll(async () => {
    server = await startServer()
    pid = server.pid
  })

  afterEach(async () => {
    expect([server.pid, (await server.get('/livez')).status]).toEqual([pid, 200])
  })

  return {
    get server() {
      return server
    },
    raw: (path, body, headers = JSON_TYPE) => server.request('POST', path, body, headers),
  }
}

/** Expects an answer that is clear to its reader: a status below 500, a stable code, a sentence. */
export function expectClear(reply: { status: number; body: Body }, status: number, code: string): void {
  expect([reply.status, reply.body]).toEqual([
    status,
    expect.objectContaining({ code, message: expect.stringMatching(/\w+ \w+/) }),
  ])
}

/** A connection of its own. */
export async function dial(server: Server): Promise<Socket> {
  const { hostname, port } = new URL(await server.url)
  const socket = connect(Number(port), hostname.replace(/[[\]]/g, ''))
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  socket.on('error', () => {})
  return socket
}
