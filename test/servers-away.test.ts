import { describe, expect, onTestFinished, test } from 'vitest'
import { RollcallError } from '../src/errors.ts'
import { type Probe, type ServerName, Servers } from '../src/observe/servers.ts'
import { ManualTime } from './support/time.ts'

type Line = [level: string, words: string, about: object]

/** A server under Rollcall that answers as a test says, and the log. */
function watched(server: ServerName = 'mongodb') {
  const time = new ManualTime()
  const lines: Line[] = []
  const at = (level: string) => (about: object, words: string) => void lines.push([level, words, about])
  const servers = new Servers({ logger: { info: at('info'), error: at('error'), debug: at('debug') }, time })
  const state: { answer: Probe } = { answer: async () => {} }
  onTestFinished(servers.watch(new Map([[server, () => state.answer()]])))
  const words = (...levels: string[]) => lines.flatMap(([level, each]) => (levels.includes(level) ? [each] : []))
  const fault = (error: unknown = new RollcallError('RC_STORE_UNAVAILABLE')) =>
    servers.fault(error, { step: 'commit' }, 'commit failed')
  return { time, lines, servers, state, words, fault }
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
    servers.fault({ name: 'RedisError', message: 'Redis: x' }, {}, 'live sets failed')
    end()
    expect(told).toEqual(['live sets failed'])
  })
})
