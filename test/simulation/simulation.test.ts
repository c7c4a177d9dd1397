import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { KINDS, type Says } from '../../actors/kinds.ts'
import { DISKS, PLACES, TROUBLES } from './fate.ts'
import { POINTS } from './plan.ts'

const HISTORIES = fileURLToPath(new URL('histories.ts', import.meta.url))
const DISTURBANCES = [
  ...['freeze', 'kill', 'killShard', 'skew', 'start', 'stop', 'thaw'],
  ...['flush', 'keep', 'known', 'lose', 'loseTail', 'putBack', 'recompute', 'trim'],
]
const EFFECTS: Record<Says['type'], true> = {
  ...{ 'session.started': true, 'session.ended': true, 'rating.updated': true, generate_livestream_feed: true },
  ...{ initialize_session_rating: true, notify_viewers_livestream_online: true },
  ...{ notify_followers_livestream_online: true, notify_existing_show_goal: true },
  ...{ invalidate_cached_pusher_channel_data: true, cleanup_stale_stream_viewers: true },
  ...{ 'web-session.closed': true, 'web-session.corrected': true, 'visitor-day.adopt': true },
  ...{ 'feed.generate': true, 'feed.updated': true },
}
const CAME_OF_THEM = [
  ...['log: lost its tail', 'log: trimmed', 'checkpoint: put back'],
  ...['checkpoints are lost', 'all but the documents is lost', 'documents: spoilt'],
  ...['recomputation: of other rules', 'recomputation: by the same rules', 'recomputation: begun again'],
  ...['service: refused', 'retried by hand', 'refused: the disk is full'],
]

describe('a simulation of the whole system', () => {
  test('ends as it must in 2,000 histories, in which everything that can happen does', { timeout: 600_000 }, () => {
    const args = [HISTORIES, '--histories', '2000', '--seed', process.env.ROLLCALL_TEST_SEED ?? '77']
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    console.log(stdout)
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const occurred = new Set([...stdout.matchAll(/^ +\d+ {2}(.+)$/gm)].map(([, name]) => name))
    const expected = [
      // Nobody but the owner is asked through a link, which is in order or away.
      ...PLACES.filter(place => place !== 'owner').flatMap(place => TROUBLES.map(trouble => `${place}: ${trouble}`)),
      ...PLACES.map(place => `${place}: away`),
      ...DISKS.map(disk => `${disk}: full`),
      ...POINTS.map(point => `dead ${point}`),
      ...DISTURBANCES.map(name => `disturbed: ${name}`),
      ...CAME_OF_THEM,
      ...KINDS.map(({ kind }) => `actor: ${kind}`),
      ...['claim', 'tick', 'rules', 'effect.retry', ...KINDS.flatMap(({ takes }) => takes)].map(
        kind => `event: ${kind}`,
      ),
      ...Object.keys(EFFECTS).map(kind => `effect: ${kind}`),
    ]
    expect(expected.filter(name => !occurred.has(name))).toEqual([])
  })
})
