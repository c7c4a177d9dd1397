import { EventEmitter, on } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { JetStreamApiError } from '@nats-io/jetstream'
import { errors, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openJetStreamLog } from '../src/log/jetstream/index.ts'
import { Connection, openConnection } from '../src/nats/index.ts'
import { systemTime } from '../src/time.ts'
import { type NatsCredentials, natsCredentials } from './support/nats-credentials.ts'
import { freePort, natsServerBinary, startNatsServer } from './support/nats-server.ts'
import { temporaryDirectory } from './support/server.ts'

const HASTY = { patienceMs: 300 }
const log = (url: string, options: object = {}) =>
  openJetStreamLog({ url, partitions: 1, settings: {}, patienceMs: 20_000, ...options })
const refusal = (work: Promise<unknown>): Promise<Error & { code: string }> =>
  work.then(
    () => Promise.reject(new Error('it was not refused')),
    error => error,
  )

describe('the connection to NATS', () => {
  const fakes: Server[] = []
  const sockets = new Set<Socket>()
  const leftAlone = (): Promise<unknown> => vi.waitUntil(() => sockets.size === 0)
  afterEach(() => {
    for (const fake of fakes.splice(0)) fake.close()
  })

  /** Says its version and then no more than it must. */
  async function fakeServer(version: string): Promise<string> {
    const port = await freePort()
    const info = { server_id: 'fake', version, max_payload: 1_048_576, headers: true, proto: 1 }
    const fake = createServer(socket => {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
      socket.on('data', text => text.includes('PING') && socket.write('PONG\r\n'))
      socket.write(`INFO ${JSON.stringify(info)}\r\n`)
    })
    fakes.push(fake.listen(port, '127.0.0.1'))
    return `127.0.0.1:${port}`
  }

  test.each(['1.4.1', '2.9.25'])('refuses a server of version %s', async version => {
    const error = await refusal(log(await fakeServer(version)))
    expect(error.code).toBe('RC_CONFIG_INVALID')
    expect(error.message).toContain(version)
    await leftAlone()
  })

  test.each(['2.10.0', '2.15.2-beta.1', '3.0.0'])('takes a server of version %s', async version => {
    const connection = await openConnection({ url: await fakeServer(version) }, 20_000)
    expect(connection.version).toBe(version)
    await connection.close()
  })

  test('says RC_UNREACHABLE when nothing answers, and where', async () => {
    const host = `127.0.0.1:${await freePort()}`
    const error = await refusal(log(`nats://someone:s3cret@${host}`, HASTY))
    expect([error.code, error.message.includes(host)]).toEqual(['RC_UNREACHABLE', true])
    expect(inspect(error, { depth: 9 })).not.toContain('s3cret')
  })

  test('says RC_UNREACHABLE when JetStream does not answer', async () => {
    expect(await refusal(log(await fakeServer('2.10.0'), HASTY))).toMatchObject({ code: 'RC_UNREACHABLE' })
    await leftAlone()
  })

  test.each([
    'nats://someone:s3cret@:x',
    'http://someone:s3cret@127.0.0.1',
    'nats://someone:s3cret%zz@127.0.0.1',
    'nats://127.0.0.1,nats://someone:s3cret@[',
    '',
  ])('refuses the address %j and keeps its secret', async url => {
    const error = await refusal(log(url))
    expect(error.code).toBe('RC_CONFIG_INVALID')
    expect(inspect(error, { depth: 9 })).not.toContain('s3cret')
  })

  test.each([
    ['that is not there', undefined],
    ['that holds none', 's3cret'],
  ])('refuses a credentials file %s and keeps its secret', async (_, text) => {
    const creds = join(temporaryDirectory(), 'rollcall.creds')
    if (text) writeFileSync(creds, text)
    const error = await refusal(log('127.0.0.1', { creds }))
    expect([error.code, error.message.includes(creds)]).toEqual(['RC_CONFIG_INVALID', true])
    expect(inspect(error, { depth: 9 })).not.toContain('s3cret')
  })

  describe('insists', () => {
    let connection: Connection
    let changed: (type: 'disconnect' | 'reconnect') => Promise<void>
    let isClosed: boolean

    beforeEach(() => {
      const events = new EventEmitter()
      changed = type =>
        new Promise(resolve => {
          const end = connection.onChange(() => {
            end()
            resolve()
          })
          events.emit('status', { type })
        })
      isClosed = false
      async function* status() {
        for await (const [each] of on(events, 'status')) yield each
      }
      const nats = { status, isClosed: () => isClosed } as unknown as NatsConnection
      connection = new Connection(nats, '2.15.2', systemTime)
    })

    const later = (): number => performance.now() + 10_000
    const soon = (): number => performance.now() + 50
    const apiError = (code: number, err_code: number) => new JetStreamApiError({ code, err_code, description: 'no' })
    const failing = (times: number, error: Error) => {
      const work = vi.fn(async () => 'done')
      for (let n = 0; n < times; n++) work.mockRejectedValueOnce(error)
      return work
    }

    test.each([
      ['a timeout', new errors.TimeoutError()],
      ['nobody who listens', Object.assign(new Error(), { name: 'JetStreamNotEnabled' })],
      ['a broken request', new errors.RequestError('connection disconnected')],
      ['a system that is not there just now', apiError(503, 10008)],
      ['a stream of the same name that is still being removed', apiError(500, 10049)],
      ['a repetition that came before the others have the first', apiError(409, 10158)],
    ])('after %s', async (_, error) => {
      const work = failing(2, error)
      expect(await connection.insist(work, later())).toBe('done')
      expect(work).toHaveBeenCalledTimes(3)
    })

    test.each([
      ['a refusal', apiError(404, 10059)],
      ['a fault of ours', new TypeError()],
    ])('no more after %s', async (_, error) => {
      const work = failing(1, error)
      await expect(connection.insist(work, later())).rejects.toBe(error)
      expect(work).toHaveBeenCalledTimes(1)
    })

    test('until the deadline, and throws what came last', async () => {
      const error = new errors.TimeoutError()
      await expect(connection.insist(failing(99, error), soon())).rejects.toBe(error)
    })

    test('no more while there is no connection, and again when it is back', async () => {
      const work = vi.fn(async () => 'done')
      work.mockReturnValueOnce(new Promise(() => {}))
      const insisting = connection.insist(work, later())
      await changed('disconnect')
      await expect(connection.insist(work, soon())).rejects.toThrow('no connection')
      expect(work).toHaveBeenCalledTimes(1)
      await changed('reconnect')
      expect(await insisting).toBe('done')
    })

    test.each([
      ['waits for an answer', async () => {}],
      ['waits for the connection', () => changed('disconnect')],
    ])('no more when it is aborted while it %s', async (_, disturb) => {
      const abort = new AbortController()
      const insisting = connection.insist(() => new Promise(() => {}), later(), abort.signal)
      await disturb()
      abort.abort()
      await expect(insisting).rejects.toThrow('NATS')
    })

    test('no more when the connection was closed', async () => {
      isClosed = true
      const error = new errors.TimeoutError()
      await expect(connection.insist(failing(99, error), later())).rejects.toBe(error)
    })
  })

  describe.skipIf(!natsServerBinary())('with a nats-server', () => {
    test('is waited for while it starts', async () => {
      const port = await freePort()
      const opening = log(`127.0.0.1:${port}`)
      await startNatsServer({ port })
      await (await opening).close()
    })

    test.each([
      [
        'a user and a password of digits',
        'authorization { user: "a@b", password: "1234" }',
        'a%40b:1234',
        'a%40b:4321',
      ],
      ['a token', 'authorization { token: "t0ken" }', 't0ken', 'other'],
    ])('takes %s from the URL, and only the right one', async (_, config, right, wrong) => {
      const server = await startNatsServer({ config, credentials: right })
      const host = server.url.split('@')[1]!
      await (await log(server.url)).close()
      for (const url of [`nats://${wrong}@${host}`, host]) {
        const error = await refusal(log(url))
        expect(error.code).toBe('RC_CONFIG_INVALID')
        expect(inspect(error, { depth: 9 })).not.toContain(wrong)
      }
    })

    test('takes a credentials file, and only the right one', async () => {
      const [right, wrong] = [natsCredentials(), natsCredentials()]
      const { url } = await startNatsServer(right)
      const written = (name: string, { creds }: NatsCredentials): string => {
        const path = join(temporaryDirectory(), name)
        writeFileSync(path, creds)
        return path
      }
      await (await log(url, { creds: written('right.creds', right) })).close()
      const refused = refusal(log(url, { creds: written('wrong.creds', wrong) }))
      expect(await refused).toMatchObject({ code: 'RC_CONFIG_INVALID' })
    })

    test('says RC_UNREACHABLE when the server is frozen', async () => {
      const server = await startNatsServer()
      await server.pause()
      expect(await refusal(log(server.url, HASTY))).toMatchObject({ code: 'RC_UNREACHABLE' })
    })

    test('refuses more replicas than there are servers, with what the server says', async () => {
      const { url } = await startNatsServer()
      expect(await refusal(log(url, { replicas: 3 }))).toMatchObject({ code: 'RC_CONFIG_INVALID' })
    })
  })
})
