import { describe, expect, test } from 'vitest'
import { labelled, Meter, MOST_SERIES, summed } from '../src/observe/meter.ts'

describe('a meter', () => {
  test('keeps one count for the same labels, however often it is asked for', () => {
    const meter = new Meter()
    meter.count('rollcall_effects_total', { kind: 'a', result: 'done' }).n++
    meter.count('rollcall_effects_total', { kind: 'a', result: 'done' }).n++
    meter.count('rollcall_effects_total', { kind: 'a', result: 'sent' }).n++
    expect(meter.read().map(({ labels, value }) => [labels.result, value])).toEqual([
      ['done', 2],
      ['sent', 1],
    ])
  })

  test('counts together whatever goes beyond its series, and loses none of it', () => {
    const meter = new Meter()
    const most = MOST_SERIES + 100
    for (let n = 0; n < most; n++) {
      meter.count('rollcall_effects_total', { kind: `kind ${n}`, result: 'done' }).n++
      meter.spread('rollcall_http_request_seconds', { method: 'GET', route: `/${n}`, status: '200' }).add(1)
    }
    const read = meter.read()
    const counts = read.filter(({ name }) => name === 'rollcall_effects_total')
    expect(counts).toHaveLength(MOST_SERIES + 1)
    expect(counts.reduce((sum, { value }) => sum + Number(value), 0)).toBe(most)
    expect(counts.at(-1)).toEqual({
      name: 'rollcall_effects_total',
      labels: { kind: 'other', result: 'other' },
      value: 100,
    })
    expect(read.filter(({ name }) => name === 'rollcall_http_request_seconds')).toHaveLength(MOST_SERIES + 1)
  })

  test('puts a value into the first bound that it does not exceed', () => {
    const meter = new Meter()
    const spread = meter.spread('rollcall_batch_events')
    for (const value of [1, 2, 3, 5_000, 5_001]) spread.add(value)
    const [reading] = meter.read()
    expect(reading!.value).toEqual({ counts: [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], sum: 10_007 })
  })

  test('gives readings that do not change with what is counted later', () => {
    const meter = new Meter()
    const spread = meter.spread('rollcall_batch_events')
    spread.add(1)
    const [before] = meter.read()
    spread.add(1)
    expect(before!.value).toEqual({ counts: [1, ...Array(12).fill(0)], sum: 1 })
  })
})

describe('readings', () => {
  test('take the labels that their metrics have, and no other', () => {
    const meter = new Meter()
    meter.count('rollcall_commits_total').n = 3
    meter.count('rollcall_transitions_total', { kind: 'viewer' }).n = 4
    const read = labelled(meter.read(), { partition: '7', shard: '1' })
    expect(read.map(({ labels }) => labels)).toEqual([{ partition: '7' }, { shard: '1', kind: 'viewer' }])
  })

  test('of one series are summed up whatever the order of their labels; those of spreads bound by bound', () => {
    const meter = new Meter()
    meter.spread('rollcall_batch_events', { shard: '0' }).add(1)
    const [spread] = meter.read()
    const sums = summed([
      { name: 'rollcall_effects_total', labels: { kind: 'a', result: 'done' }, value: 1 },
      { name: 'rollcall_effects_total', labels: { result: 'done', kind: 'a' }, value: 2 },
      { name: 'rollcall_effects_total', labels: { kind: 'b', result: 'done' }, value: 4 },
      spread!,
      spread!,
    ])
    expect(sums.map(({ value }) => value)).toEqual([3, 4, { counts: [2, ...Array(12).fill(0)], sum: 2 }])
  })
})
