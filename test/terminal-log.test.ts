import { Writable } from 'node:stream'
import { describe, expect, test, vi } from 'vitest'
import { RollcallError } from '../src/errors.ts'
import { openLog } from '../src/observe/log.ts'

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
})
