import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { KINDS } from '../../actors/kinds.ts'
import { PLACES, TROUBLES } from './fate.ts'

const HISTORIES = fileURLToPath(new URL('histories.ts', import.meta.url))
const DISTURBANCES = ['freeze', 'kill', 'killShard', 'loseTail', 'skew', 'start', 'stop', 'thaw']
/** Kinds of events that no history has: documents without a checkpoint or of another program, a change of rules. */
const UNSEEN = ['visitor-day.found', 'visitor-day.recompute', 'session.rating-found']

describe('a simulation of the whole system', () => {
  test('ends as it must in 2,000 histories, in which everything that can happen does', { timeout: 600_000 }, () => {
    const args = [HISTORIES, '--histories', '2000', '--seed', process.env.ROLLCALL_TEST_SEED ?? '77']
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    console.log(stdout)
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const occurred = new Set([...stdout.matchAll(/^ +\d+ {2}(.+)$/gm)].map(([, name]) => name))
    const events = KINDS.flatMap(({ takes }) => takes).filter(kind => !UNSEEN.includes(kind))
    const expected = [
      ...PLACES.filter(place => place !== 'owner').flatMap(place => TROUBLES.map(trouble => `${place}: ${trouble}`)),
      ...PLACES.map(place => `${place}: away`),
      ...DISTURBANCES.map(name => `disturbed: ${name}`),
      ...[
        'log: lost its tail',
        'service: refused',
        'retried by hand',
        'event: claim',
        'event: tick',
        ...events.map(kind => `event: ${kind}`),
      ],
    ]
    expect(expected.filter(name => !occurred.has(name))).toEqual([])
  })
})
