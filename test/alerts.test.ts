import { describe, expect, test } from 'vitest'
import { Refusals } from '../src/bridge/refusals.ts'
import { Meter } from '../src/observe/meter.ts'
import { firing, prometheusFolder } from './support/prometheus.ts'
import { alerts } from './support/queries.ts'
import { ManualTime, toldFaults } from './support/time.ts'

/** Scrapes of ten minutes, every 15 s. */
const SCRAPES = 40
const UP = { up: '1x39', rollcall_owner: '1x39' }

/** Which of these fire after ten minutes; a value is promtool's, a name is a metric with its labels, if any. */
function after(series: Record<string, string>, ...names: string[]): Promise<string> {
  const own = Object.entries({ ...UP, ...series }).map(([name, values]): [string, string] => {
    const [, metric, labels] = /^(\w+)(?:\{(.*)\})?$/.exec(name)!
    const all = ['job="rollcall"', 'instance="a"', ...(labels ? [labels] : [])]
    return [`${metric}{${all.join(',')}}`, values]
  })
  return firing(names, new Map(own), SCRAPES)
}

const refusals = (code: string, limit = '') => `rollcall_refusals_total{code="${code}",limit="${limit}"}`
const of = (metric: string) => `rollcall_${metric}{partition="0"}`

describe.skipIf(!prometheusFolder())('the alerts of ops/', () => {
  describe('name writes that are refused', () => {
    test.each([
      [refusals('RC_LOG_UNAVAILABLE'), '0x19 1+1x19'],
      [refusals('RC_KEYS_UNAVAILABLE'), '0x19 1+1x19'],
      [refusals('RC_OVERLOADED', 'log'), '0x19 1+1x19'],
      [refusals('RC_INTERNAL'), '0x19 1+1x19'],
      // Over a restart too.
      [refusals('RC_STORE_UNAVAILABLE'), '90x19 91+1x10 0+1x8'],
    ])('%s', async (series, values) => {
      expect(await after({ [series]: values }, 'RollcallWritesRefused')).toBe('so it is')
    })
  })

  test.each([
    ['a user who has too many reads waiting', refusals('RC_OVERLOADED', 'waits of a user'), '0+9x39'],
    ['pasts that an operator asks for', refusals('RC_OVERLOADED', 'pasts'), '0+9x39'],
    ['a past that takes too much memory', refusals('RC_OVERLOADED'), '0+9x39'],
    ['callers over their limits', refusals('RC_RATE_LIMITED', 'records'), '0+9x39'],
    ['one fault', refusals('RC_INTERNAL'), '0x34 1x4'],
    ['refusals of one moment', refusals('RC_NO_OWNER'), '0x32 50x6'],
    ['a fault now and then', refusals('RC_INTERNAL'), '0x7 1x7 2x7 3x7 4x7'],
    ['a thread that was started again', of('partition_stopped'), '0x33 1 1 0x3'],
    ['a server that was away for a moment', 'rollcall_server_up{server="nats"}', '1x33 0 0 1x3'],
  ])('are silent of %s', async (_, series, values) => {
    expect(await after({ [series]: values })).toBe('so it is')
  })

  test('are silent of a replay that goes on, however long, far behind and with effects of days ago', async () => {
    const replay = {
      [of('partition_running')]: '0x39',
      [of('partition_stopped')]: '0x39',
      [of('partition_replay_entries')]: '90000-1000x39',
      'rollcall_partition_lag_entries{partition="0",stage="apply"}': '90000-1000x39',
      [of('outbox_oldest_seconds')]: '90000+15x39',
      'rollcall_work_done{work="replay"}': '0+1000x39',
      'rollcall_work_size{work="replay"}': '90000x39',
    }
    expect(await after(replay)).toBe('so it is')
  })

  test.each([
    ['a partition that stopped', 'RollcallPartitionStopped', { [of('partition_stopped')]: '0x29 1x9' }],
    [
      'a partition whose thread dies again and again',
      'RollcallPartitionStopped',
      { [of('partition_stopped')]: '1 1 1 0 '.repeat(10) },
    ],
    ['a server that comes and goes', 'RollcallServerAway', { 'rollcall_server_up{server="nats"}': '1 0 '.repeat(20) }],
    ['a server that was never there', 'RollcallServerAway', { 'rollcall_server_up{server="nats"}': '0x39' }],
    [
      'work without a known end that is stuck',
      'RollcallReplayStuck',
      { 'rollcall_work_done{work="adoption"}': '7x39' },
    ],
    ['no process that is scraped', 'RollcallDown', { up: '1x29 stale', rollcall_owner: '1x29 stale' }],
  ])('name %s', async (_, alert, series) => {
    expect(await after(series as Record<string, string>, alert)).toBe('so it is')
  })

  test('are silent of what a process that is not the owner last knew of its partitions', async () => {
    expect(await after({ rollcall_owner: '0x39', [of('partition_stopped')]: '1x39' })).toBe('so it is')
  })

  test('are silent of work of which all is done', async () => {
    const series = { 'rollcall_work_done{work="claim"}': '4x39', 'rollcall_work_size{work="claim"}': '4x39' }
    expect(await after(series)).toBe('so it is')
  })
})

test('each refusal that an alert is about is counted from 0 on', () => {
  const { expr } = alerts().find(({ alert }) => alert === 'RollcallWritesRefused')!
  const meter = new Meter()
  const logger = { info() {}, warn() {} }
  new Refusals({ logger, faults: toldFaults(), time: new ManualTime(), meter }).close()
  const begun = meter.read().map(({ labels: { code, limit }, value }) => ({ code, limit, value }))
  const asked = [...expr.matchAll(/code=~?"([^"]+)"(?:,limit=~"([^"]+)")?/g)].flatMap(([, codes, limits]) =>
    codes!.split('|').flatMap(code => (limits?.split('|') ?? [undefined]).map(limit => ({ code, limit }))),
  )
  expect(asked.length).toBeGreaterThan(8)
  for (const { code, limit } of asked)
    expect(begun.filter(each => each.code === code && (limit ?? each.limit) === each.limit)).toMatchObject([
      { value: 0 },
    ])
  expect(begun.length).toBe(asked.length)
})
