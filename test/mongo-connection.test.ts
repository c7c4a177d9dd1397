import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { inspect } from 'node:util'
import {
  MongoBulkWriteError,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoNotConnectedError,
  MongoServerError,
  MongoTopologyClosedError,
} from 'mongodb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RollcallError } from '../src/errors.ts'
import { connectMongo } from '../src/mongodb/index.ts'
import { duplicates, repeated, verdict } from '../src/mongodb/outcome.ts'
import { mongodbServer } from './support/mongodb-server.ts'
import { ManualTime } from './support/time.ts'

/** The inside of the driver's client. */
interface Inside {
  topology: { s: { servers: Map<string, { monitor: Monitor }> } }
}

interface Monitor {
  connection: { socket: Socket }
  monitorId: { _executeAndReschedule(): void }
}

const server = mongodbServer()
const SECRET = 's3cr3t'

/** All that the error holds of what is wrong. */
const refusal = async (url: string): Promise<{ code: unknown; all: string }> => {
  const error = await connectMongo(url).then(
    () => new Error('connected'),
    (error: Error) => error,
  )
  return { code: (error as { code?: unknown }).code, all: inspect(error, { depth: null, showHidden: true }) }
}

describe('a connection to MongoDB', () => {
  test.each([
    ['nothing', ''],
    ['another protocol', `http://me:${SECRET}@localhost/`],
    ['no host', `mongodb://me:${SECRET}@/`],
    ['a port that is none', `mongodb://me:${SECRET}@localhost:99999/`],
    ['an option nobody knows', `mongodb://me:${SECRET}@localhost/?nonsense=1`],
    ['a password with a slash', `mongodb://me:x/${SECRET}@localhost/`],
    ['a password with a question mark', `mongodb://me:x?${SECRET}=1@localhost/`],
    ['a password with a per cent', `mongodb://me:x%${SECRET}@localhost/`],
    ['a password with an at', `mongodb://me:x@${SECRET}:y@localhost:1/`],
  ])('is refused by a URL with %s, and its password is not told', async (_what, url) => {
    const { code, all } = await refusal(url)
    expect(code).toBe('RC_CONFIG_INVALID')
    expect(all).not.toContain(SECRET)
  })

  test('says which option nobody knows', async () => {
    expect((await refusal('mongodb://localhost/?nonsense=1')).all).toContain('nonsense')
  })

  describe('to a port', () => {
    let port: number
    let listener: Server

    beforeEach(async () => {
      listener = createServer(socket => socket.on('error', () => {})).listen(0, '127.0.0.1')
      await once(listener, 'listening')
      port = (listener.address() as AddressInfo).port
    })
    afterEach(() => listener.close())

    test('where nobody listens is given up in seconds, and its password is not told', async () => {
      listener.close()
      const { code, all } = await refusal(`mongodb://me:${SECRET}@127.0.0.1:${port}/`)
      expect(code).toBe('RC_UNREACHABLE')
      expect(all).toContain(`127.0.0.1:${port}`)
      expect(all).not.toContain(SECRET)
    }, 6_000)

    test('where nobody answers is given up in seconds', async () => {
      expect((await refusal(`mongodb://127.0.0.1:${port}/`)).code).toBe('RC_UNREACHABLE')
    }, 6_000)
  })

  describe.skipIf(server === null)('to a server', () => {
    const url = (database: string, user = ''): string =>
      server!.freshUrl().replace(/\/\/([^/]+)\/[^?]*/, `//${user}$1/${database}`)

    test.each([
      ['rollcall if the URL names none', '', 'rollcall'],
      ['the one the URL names', 'other', 'other'],
    ])('is to the database %s', async (_what, named, database) => {
      const { db, close } = await connectMongo(url(named))
      await close()
      expect(db.databaseName).toBe(database)
    })

    test('knows its version', async () => {
      const { version, close } = await connectMongo(url(''))
      await close()
      expect(version).toMatch(/\d+\.\d+/)
    })

    test.runIf(server?.kills.includes('killPostgres'))('is not made to a gateway with nothing behind it', async () => {
      const target = url('')
      await server!.killPostgres()
      const { code } = await refusal(target)
      await server!.restart()
      expect(code).toBe('RC_UNREACHABLE')
    })

    test('comes back though the server was to be checked on a socket that had just been destroyed', async () => {
      const { db, close } = await connectMongo(url(''))
      const { topology } = db.client as unknown as Inside
      const [monitor] = [...topology.s.servers.values()].map(watched => watched.monitor)
      monitor!.connection.socket.destroy()
      const checked = once(db.client, 'serverHeartbeatSucceeded')
      monitor!.monitorId._executeAndReschedule()
      await checked
      await close()
    })

    test('is refused with a wrong password, which is not told', async () => {
      const { code, all } = await refusal(url('', `nobody:${SECRET}@`))
      expect(code).toBe('RC_CONFIG_INVALID')
      expect(all).not.toContain(SECRET)
    })
  })
})

const bulk = (...codes: number[]): Error =>
  Object.assign(new MongoServerError({ code: codes[0] }), {
    writeErrors: codes.map((code, index) => ({ code, index })),
  })

/** As the driver makes it where the whole bulk failed, whatever failed it. */
const wholeBulk = (error: Error): Error =>
  new MongoBulkWriteError(error as never, { insertedCount: 0, getWriteErrorAt: () => undefined } as never)

describe('an error of the driver', () => {
  test.each([
    ['that no answer came', new MongoNetworkError('x'), 'silence'],
    ['that no answer came to a bulk', wholeBulk(new MongoNetworkError('x')), 'silence'],
    ['that the server cannot work now', new MongoServerError({ code: 11_600 }), 'silence'],
    ['that the server cannot work now, asked for a bulk', wholeBulk(new MongoServerError({ code: 11_600 })), 'silence'],
    ['what the server said', new MongoServerError({ code: 2 }), 'answer'],
    ['what the server said to a bulk', wholeBulk(new MongoServerError({ code: 2 })), 'answer'],
    ['what the server said to one of a bulk', bulk(1), 'answer'],
    ['nothing of the server', new MongoInvalidArgumentError('x'), undefined],
    ['that the driver did not take a bulk', wholeBulk(new MongoInvalidArgumentError('x')), undefined],
  ])('tells %s', (_what, error, told) => {
    expect(verdict(error)).toBe(told)
  })
})

describe('what MongoDB was asked to do', () => {
  test.each([
    ['the connection broke', new MongoNetworkError('x')],
    ['the connection broke in a bulk', wholeBulk(new MongoNetworkError('x'))],
    ['there was no answer in time', new MongoNetworkTimeoutError('x')],
    ['PostgreSQL died behind the gateway', new MongoServerError({ code: 1 })],
    ['the error has no code', new MongoServerError({})],
    ['a write of a bulk failed for an unknown reason, another for a known', bulk(11_000, 1)],
    ['the socket had ended, which Node says', Object.assign(new Error('ended'), { code: 'EPIPE' })],
  ])('is repeated until it is done, where %s', async (_what, error) => {
    const failures = [error, error, error]
    const work = async () => {
      const failure = failures.pop()
      if (failure) throw failure
      return 'done'
    }
    expect(await repeated(work, 60_000)).toBe('done')
  })

  test.each([
    ['it makes no sense', new MongoServerError({ code: 2 })],
    ['the key is there', new MongoServerError({ code: 11_000 })],
    ['one of a bulk makes no sense', bulk(11_000, 2)],
    ['the driver does not take it', new MongoInvalidArgumentError('x')],
    ['the driver does not take it, which is a bulk', wholeBulk(new MongoInvalidArgumentError('x'))],
    ['one of a bulk cannot be made bytes', wholeBulk(new RangeError('x'))],
    ['the connection is not opened yet', new MongoNotConnectedError('x')],
    ['the connection is closed', new MongoTopologyClosedError('x')],
    ['it is no error of MongoDB', new TypeError('x')],
    ['the owner is fenced', new RollcallError('RC_FENCED')],
  ])('is not repeated where %s', async (_what, error) => {
    let attempts = 0
    const work = () => {
      attempts++
      return Promise.reject(error)
    }
    await expect(repeated(work, 60_000)).rejects.toBe(error)
    expect(attempts).toBe(1)
  })

  test('is repeated where there is no answer and no error', async () => {
    const time = new ManualTime()
    const answers = [new Promise<string>(() => {}), Promise.resolve('done')]
    const done = repeated(() => answers.shift()!, 60_000, time)
    await time.advance(12_010)
    expect(await done).toBe('done')
  })

  test('is given up when patience is over, with the reason', async () => {
    const reason = new MongoNetworkError('x')
    const given = repeated(() => Promise.reject(reason), 0)
    await expect(given).rejects.toMatchObject({ code: 'RC_STORE_UNAVAILABLE', cause: reason })
  })

  test.each([
    ['all that went wrong', bulk(11_000, 11_000), [0, 1]],
    ['not all that went wrong', bulk(11_000, 1), null],
    ['nothing of what went wrong', new MongoServerError({ code: 1 }), null],
  ])('met keys that were there already: %s', (_what, error, places) => {
    expect(duplicates(error)).toEqual(places)
  })
})
