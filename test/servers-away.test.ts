import { JetStreamApiError } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import { MongoBulkWriteError, MongoInvalidArgumentError, MongoNetworkError, MongoServerError } from 'mongodb'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RedisError } from '../src/audience/redis-connection.ts'
import { RollcallError } from '../src/errors.ts'
import '../src/mongodb/index.ts'
import '../src/nats/index.ts'
import { type Probe, Servers } from '../src/observe/servers.ts'
import type { ServerName } from '../src/observe/silence.ts'
import { ManualTime } from './support/time.ts'

type Line = [level: string, words: string, about: object]

/** A server under Rollcall that answers as a test says, and the log. */
function watched(server: ServerName = 'mongodb') {
  const time = new ManualTime()
  const lines: Line[] = []
  const at = (level: string) => (about: object, words: string) => void lines.push([level, words, about])
  const servers = new Servers({ logger: { info: at('info'), error: at('error'), debug: at('debug') }, time })
  const state: { answer: Probe } = { answer: async () => {} }
  const end = servers.watch(new Map([[server, () => state.answer()]]))
  onTestFinished(end)
  const words = (...levels: string[]) => lines.flatMap(([level, each]) => (levels.includes(level) ? [each] : []))
  const fault = (error: unknown = new RollcallError('RC_STORE_UNAVAILABLE'), step = 'commit') =>
    servers.fault(error, { step }, `${step} failed`)
  return { time, lines, servers, state, words, fault, end }
}

const broken = async (): Promise<never> => {
  throw new Error('the connection broke')
}
const silent = (): Promise<never> => new Promise(() => {})

describe('a server that goes away', () => {
  test.each([
    ['that is gone', broken, 'the connection broke'],
    ['that is silent', silent, 'it was silent'],
  ])('%s is one line, and one when it is back after how long', async (_, away, why) => {
    const { time, lines, state, servers } = watched()
    const isUp = () => servers.readings.find(({ labels }) => labels.server === 'mongodb')?.value
    await time.settle()
    expect(isUp()).toBe(1)
    expect(servers.away).toEqual([])
    const began = time.now()
    state.answer = away
    await time.advance(12_000)
    expect(isUp()).toBe(0)
    expect(servers.away).toEqual([{ server: 'mongodb', since: began + 1_000 }])
    state.answer = async () => {}
    await time.advance(4_000)
    expect(lines).toEqual([
      ['error', 'mongodb is away', { server: 'mongodb', why }],
      ['info', expect.stringMatching(/^mongodb is back after 1[1-4]\.\d s$/), expect.objectContaining({ faults: 0 })],
    ])
    expect(isUp()).toBe(1)
    expect(servers.away).toEqual([])
  })

  test('takes with it what fails for it, from before it was noticed until behind its return', async () => {
    const { time, words, state, fault } = watched()
    await time.settle()
    state.answer = broken
    for (let i = 0; i < 1_000; i++) fault()
    await time.settle()
    for (let i = 0; i < 1_000; i++) fault()
    state.answer = async () => {}
    await time.advance(1_000)
    fault()
    await time.advance(1_000)
    expect(words('info', 'error')).toEqual(['mongodb is away', 'mongodb is back after 1.0 s'])
    expect(words('debug')).toHaveLength(1_001)
  })

  test('says how many faults stemmed from it', async () => {
    const { time, lines, state, fault } = watched()
    await time.settle()
    state.answer = broken
    for (let i = 0; i < 300; i++) fault()
    await time.settle()
    state.answer = async () => {}
    await time.advance(1_000)
    expect(lines.at(-1)![2]).toMatchObject({ faults: 300 })
  })

  test('says how many stemmed from it soon after it was back, when no more do', async () => {
    const { time, lines, state, fault } = watched()
    await time.settle()
    state.answer = broken
    await time.advance(1_000)
    state.answer = async () => {}
    await time.advance(1_000)
    for (let i = 0; i < 7; i++) fault()
    await time.advance(20_000)
    const told = lines.filter(([level]) => level !== 'debug').slice(2)
    expect(told).toEqual([['info', 'more faults stemmed from mongodb being away', { server: 'mongodb', faults: 7 }]])
  })

  test('says how many stemmed from it when the process ends', async () => {
    const { time, lines, state, fault, end } = watched()
    await time.settle()
    state.answer = broken
    await time.advance(1_000)
    for (let i = 0; i < 7; i++) fault()
    end()
    expect(lines.at(-1)![2]).toEqual({ server: 'mongodb', faults: 7 })
  })
})

describe('a fault', () => {
  test('of a server that answers is told, though some ms later', async () => {
    const { time, words, fault } = watched()
    await time.settle()
    fault()
    expect(words('error')).toEqual([])
    await time.settle()
    expect(words('error')).toEqual(['commit failed'])
  })

  test('of a server that answers is told a hundred times at a look, then with its number', async () => {
    const { time, lines, fault } = watched()
    await time.settle()
    for (let i = 0; i < 250; i++) fault()
    await time.settle()
    expect(lines).toHaveLength(101)
    expect(lines.at(-1)).toEqual(['error', 'more such faults', { count: 150 }])
  })

  test.each([
    ['of Rollcall itself', new TypeError('x')],
    ['of a server that is not configured', new RollcallError('RC_LOG_UNAVAILABLE')],
    ['that is no error', null],
  ])('%s is told at once, whichever server is away', async (_, error) => {
    const { time, words, state, fault } = watched()
    await time.settle()
    state.answer = broken
    await time.advance(1_000)
    fault(error)
    expect(words('error')).toEqual(['mongodb is away', 'commit failed'])
  })

  test('that is held when the process ends is told', async () => {
    const time = new ManualTime()
    const told: string[] = []
    const tell = (_about: object, words: string) => void told.push(words)
    const servers = new Servers({ logger: { info: tell, error: tell, debug: tell }, time })
    const end = servers.watch(new Map([['redis', silent]]))
    servers.fault(new RedisError(new Error('x')), {}, 'live sets failed')
    end()
    expect(told).toEqual(['live sets failed'])
  })

  const refused = (code: number) => new MongoServerError({ message: 'no', code })
  const bulk = new MongoBulkWriteError({ message: 'no', code: 121 }, {} as never)
  const reply = Object.assign(new Error('READONLY You cannot.'), { name: 'ReplyError' })
  const full = new JetStreamApiError({ code: 500, err_code: 10_047, description: 'no' })

  const told: [what: string, server: ServerName, error: unknown][] = [
    ['a user that may not', 'mongodb', refused(13)],
    ['a document that is not taken', 'mongodb', new RollcallError('RC_STORE_UNAVAILABLE', undefined, { cause: bulk })],
    ['a cursor that is lost', 'mongodb', refused(43)],
    ['a call that is none', 'mongodb', new MongoInvalidArgumentError('no')],
    ['a replica that only reads', 'redis', new RedisError(reply)],
    ['a full disk', 'nats', new RollcallError('RC_LOG_UNAVAILABLE', undefined, { cause: full })],
    ['a timeout of something else', 'nats', new DOMException('too late', 'TimeoutError')],
  ]
  test.each(told)('of %s is told, though %s was away', async (_, server, error) => {
    const { time, words, state, fault } = watched(server)
    await time.settle()
    state.answer = broken
    await time.advance(1_000)
    fault(error)
    state.answer = async () => {}
    await time.advance(1_000)
    fault(error)
    expect(words('error')).toEqual([`${server} is away`, 'commit failed', 'commit failed'])
  })

  const silences: [what: string, server: ServerName, error: unknown][] = [
    ['a broken connection', 'mongodb', new MongoNetworkError('x')],
    ['a server that is stopping', 'mongodb', refused(11_600)],
    ['no word of a command', 'redis', new RedisError(new Error('Command timed out'))],
    ['no answer in time', 'nats', new errors.TimeoutError()],
    ['no leader', 'nats', new JetStreamApiError({ code: 503, err_code: 10_008, description: 'x' })],
    ['a closed connection', 'nats', new errors.ClosedConnectionError()],
  ]
  test.each(silences)('of %s is the silence of %s, and of no line', async (_, server, error) => {
    const { time, words, state, fault } = watched(server)
    await time.settle()
    state.answer = broken
    await time.advance(1_000)
    fault(error)
    expect(words('error')).toEqual([`${server} is away`])
  })

  test('that ends a partition is told, whichever server was silent for it', async () => {
    const { time, words, state, fault } = watched()
    await time.settle()
    state.answer = broken
    await time.advance(1_000)
    fault(undefined, 'partition')
    expect(words('error')).toEqual(['mongodb is away', 'partition failed'])
  })
})
