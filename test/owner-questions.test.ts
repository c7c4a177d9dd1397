import { describe, expect, test } from 'vitest'
import { RollcallError } from '../src/errors.ts'
import { Parts, partsOf } from '../src/ownership/answer-parts.ts'
import type { Owner } from '../src/ownership/index.ts'
import { LocalOwner } from '../src/ownership/local.ts'
import { put } from '../src/ownership/questions.ts'
import { ManualTime } from './support/time.ts'

const code = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'answered',
    error => error.code,
  )

describe('a question', () => {
  const asked: unknown[][] = []
  const note =
    (name: string) =>
    async (...args: unknown[]) =>
      void asked.push([name, ...args])
  const inspecting = ['watch', 'listed', 'population']
  const names = [...inspecting, 'settled', 'audience', 'audienceOf', 'alive', 'actor', 'parked', 'effects', 'states']
  const more = ['crash', 'drain', 'kill', 'close']
  const owner = Object.fromEntries([...names, ...more].map(name => [name, note(name)])) as unknown as Owner

  test.each([
    ['settled', [3, 14, 2_000]],
    ['audience', []],
    ['audienceOf', ['stream']],
    ['alive', ['stream']],
    ['actor', [3, 'viewer', 'ann']],
    ['parked', []],
    ['parked', [3]],
    ['effects', [{ actor: 'viewer/ann' }, 10]],
    ['states', []],
    ['watch', [3, 'viewer', 'ann', null, 10_000]],
    ['watch', [3, 'viewer', 'ann', 'run:7', 0]],
    ['listed', [{ kind: 'viewer', state: 'away', begins: 'a', after: 'viewer/ann' }, 10]],
    ['population', ['viewer']],
  ])('%s with %j is put to the owner', async (name, args) => {
    await put(owner, `rollcall.owner.${name}`, JSON.stringify(args))
    expect(asked.at(-1)).toEqual([name, ...args])
  })

  test.each([
    'crash',
    'drain',
    'kill',
    'close',
    'constructor',
    '__proto__',
    'toString',
    'all',
    '',
    'audience.x',
  ])('that there is not, %j, is answered so', async name => {
    expect(await code(put(owner, `rollcall.owner.${name}`, '[]'))).toBe('RC_NOT_FOUND')
  })

  test.each([
    ['settled', [3, 14]],
    ['settled', [-1, 14, 2_000]],
    ['settled', [0.5, 14, 2_000]],
    ['settled', [3, 14, 1e9]],
    ['audience', [1]],
    ['audience', {}],
    ['audience', null],
    ['audienceOf', [{ toString: 'x' }]],
    ['actor', [3, 'viewer']],
    ['parked', [3, 4]],
    ['effects', [{}, 1e9]],
    ['watch', [3, 'viewer', 'ann', 7, 0]],
    ['watch', [3, 'viewer', 'ann', null, 10_001]],
    ['listed', [{}, 1_002]],
    ['listed', [{ begins: 'x'.repeat(5_000) }, 10]],
    ['population', []],
    ['effects', [{ actor: 'x'.repeat(5_000) }, 10]],
  ])('%s with %j is refused', async (name, args) => {
    expect(await code(put(owner, `rollcall.owner.${name}`, JSON.stringify(args)))).toBe('RC_INVALID_INPUT')
  })

  test('that is no JSON is refused', async () => {
    expect(await code(put(owner, 'rollcall.owner.states', '[['))).toBe('RC_INVALID_JSON')
  })

  test('about a partition that there is not is answered so', async () => {
    expect(await code(put(new LocalOwner([], new ManualTime()), 'rollcall.owner.parked', '[99]'))).toBe('RC_NOT_FOUND')
  })
})

describe('an answer', () => {
  const time = new ManualTime()
  const parted = (answer: Parameters<typeof partsOf>[0], maxBytes: number) => partsOf(answer, maxBytes, time.id())
  const read = (...messages: ReturnType<typeof partsOf>): unknown => {
    const parts = new Parts()
    for (const message of messages) parts.add(message)
    return parts.read()
  }
  const value = { users: Array.from({ length: 1_000 }, (_, n) => `ü-${n}`) }

  test.each([10, 1_000, 100_000])('comes through in messages of %d bytes', maxBytes => {
    const parts = parted({ value }, maxBytes)
    expect(Math.max(...parts.map(({ data }) => data.length))).toBeLessThanOrEqual(maxBytes)
    expect(read(...parts)).toEqual(value)
  })

  test.each([undefined, null, [], 0])('can be %j', nothing => {
    expect(read(...parted({ value: nothing }, 100))).toEqual(nothing)
  })

  test('that is an error is thrown, with its code and message', () => {
    const error = new RollcallError('RC_PARTITION_STOPPED', 'Partition 3: too many events are parked.')
    expect(() => read(...parted({ error }, 100))).toThrow(error)
    expect(() => read(...parted({ error }, 100))).toThrow(expect.objectContaining({ code: 'RC_PARTITION_STOPPED' }))
  })

  test('with an error of a later version is RC_INTERNAL', () => {
    const error = { code: 'toString', message: 'x' } as unknown as RollcallError
    expect(() => read(...parted({ error }, 100))).toThrow(expect.objectContaining({ code: 'RC_INTERNAL' }))
  })

  test.each(['first', 'middle', 'last'])('whose %s part was lost is none', which => {
    const parts = parted({ value }, 1_000)
    const lost = { first: 0, middle: 3, last: parts.length - 1 }[which]
    expect(() => read(...parts.filter((_, n) => n !== lost))).toThrow(expect.objectContaining({ code: 'RC_NO_OWNER' }))
  })

  test('is whole though another one comes between', () => {
    const [mine, others] = [parted({ value }, 1_000), parted({ value: 'of a former owner' }, 5)]
    const mixed = mine.flatMap((part, n) => [part, ...others.slice(0, -2).slice(n, n + 1)])
    expect(read(...mixed)).toEqual(value)
  })
})
