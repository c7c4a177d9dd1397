import { connect } from 'node:net'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Server, startServer } from '../support/server.ts'

let server: Server

beforeAll(async () => {
  server = await startServer()
})

/** Answer of the server to bytes that are perhaps no request. */
async function answerTo(bytes: string): Promise<string> {
  const { hostname, port } = new URL(await server.url)
  const socket = connect(Number(port), hostname)
  socket.end(bytes)
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return answer
}

const timeOf = (answer: string): number => Number(/^rollcall-time: (\d+)\r$/m.exec(answer)?.[1])

describe('Rollcall-Time', () => {
  test.each([
    ['a live server', 'GET', '/livez', undefined, 200],
    ['what is accepted', 'POST', '/heartbeats', '{"userId":"u","path":"/"}', 202],
    ['what is refused', 'POST', '/heartbeats', '{"userId":"u"}', 400],
    ['a body that is too large', 'POST', '/events', `"${'x'.repeat(1_100_000)}"`, 413],
    ['a route that is not there', 'GET', '/nowhere', undefined, 404],
    ['a path that cannot be decoded', 'GET', '/sessions/%', undefined, 400],
  ])('is on the answer to %s', async (_name, method, path, body, status) => {
    const before = Date.now()
    const reply = await server.request(method, path, body, body ? { 'content-type': 'application/json' } : {})
    const time = Number(reply.headers.get('rollcall-time'))
    expect(reply.status).toBe(status)
    expect(time >= before && time <= Date.now()).toBe(true)
  })

  test('is on the answer to what is no request', async () => {
    const before = Date.now()
    const answer = await answerTo('nonsense\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(timeOf(answer)).toBeGreaterThanOrEqual(before)
  })
})
