import { Writable } from 'node:stream'
import { describe, expect, test, vi } from 'vitest'
import { RollcallError } from '../src/errors.ts'
import { openLog } from '../src/observe/log.ts'
import { plainLines } from '../src/observe/plain.ts'

/** A log and what was written of it. */
async function written(isTTY: boolean) {
  const texts: string[] = []
  const to = new Writable({
    write(text, _encoding, done) {
      texts.push(String(text))
      done()
    },
  })
  const logger = await openLog('info', Object.assign(to, { isTTY }))
  const lines = (count: number): Promise<string[]> =>
    vi.waitUntil(() => {
      const all = texts.join('').trimEnd().split('\n')
      return all.length >= count && all
    })
  return { logger, lines }
}

describe('the log', () => {
  test('is JSON where nobody looks', async () => {
    const { logger, lines } = await written(false)
    logger.info({ url: 'http://127.0.0.1:7420' }, 'listening')
    const [line] = await lines(1)
    expect(JSON.parse(line!)).toMatchObject({ level: 30, msg: 'listening', url: 'http://127.0.0.1:7420' })
  })

  test('begins on a terminal with where to look', async () => {
    const { logger, lines } = await written(true)
    logger.info({ url: 'http://127.0.0.1:7420', shards: 2, zone: 'UTC' }, 'listening')
    expect(await lines(2)).toEqual([
      expect.stringMatching(
        /^\[\d\d:\d\d:\d\d\] INFO: listening on http:\/\/127\.0\.0\.1:7420: open it in a browser, Ctrl\+C ends it$/,
      ),
      '    (shards=2, zone=UTC)',
    ])
  })

  test('says a fault on a terminal in one line, with its code', async () => {
    const { logger, lines } = await written(true)
    const err = new RollcallError('RC_FENCED', 'Another one has it.')
    logger.error({ step: 'commit', err }, 'commit failed')
    const error = { name: 'RollcallError', message: 'MongoDB is slow', code: 'RC_STORE_UNAVAILABLE', stack: 'at x' }
    logger.error({ shard: 0, partition: 3, step: 'commit', error }, 'shard fault')
    expect(await lines(2)).toEqual([
      expect.stringMatching(/ERROR: commit failed: RC_FENCED: Another one has it\. \(step=commit\)$/),
      expect.stringMatching(
        /ERROR: shard fault: RC_STORE_UNAVAILABLE: MongoDB is slow \(shard=0, partition=3, step=commit\)$/,
      ),
    ])
  })

  test('shows on a terminal the stack of what Rollcall does not know', async () => {
    const { logger, lines } = await written(true)
    logger.error({ step: 'commit', err: new TypeError('no such thing') }, 'commit failed')
    const [first, second] = await lines(2)
    expect(first).toMatch(/ERROR: commit failed: TypeError: no such thing$/)
    expect(second).toMatch(/^ {4}at .*terminal-log\.test\.ts/)
  })

  const forged = '[12:00:00] INFO: all is well'
  const hostile = `\u001b]0;title\u0007\u001b[2J\u009b1m\u202e\u2028\r\n${forged}`

  test.each([
    ['words', {}, hostile],
    ['a field', { subject: hostile }, 'what is no event'],
    ['a field within another', { found: { subjects: [hostile] } }, 'what is no event'],
    ['the name of a field', { [hostile]: 1 }, 'what is no event'],
    ['an address', { url: hostile }, 'listening'],
    ['an error of Rollcall', { err: new RollcallError('RC_INTERNAL', hostile) }, 'commit failed'],
    ['another error', { err: new TypeError(hostile) }, 'commit failed'],
    ['the cause of an error', { err: new TypeError('x', { cause: new Error(hostile) }) }, 'commit failed'],
    ['an error of a shard', { error: { name: 'Error', message: hostile } }, 'shard fault'],
  ])('sends a terminal nothing that stands in %s, and is forged by nothing', async (_, about, words) => {
    const { logger, lines } = await written(true)
    logger.error(about, words)
    logger.error('the end')
    const all = await vi.waitUntil(async () => {
      const some = await lines(2)
      return some.at(-1)!.endsWith('the end') && some
    })
    const text = all.join('\n')
    expect(plainLines(text)).toBe(text)
    expect(text).toContain('title')
    expect(all.filter(line => line.startsWith('['))).toHaveLength(2)
  })
})
