import { describe, expect, test } from 'vitest'
import { momentOf } from '../src/recompute/moment.ts'

describe('the time that a text names', () => {
  test.each([
    ['2026-01-01', 'UTC', '2026-01-01T00:00:00.000Z'],
    ['2026-01-01', 'Asia/Taipei', '2025-12-31T16:00:00.000Z'],
    ['2026-01-01', 'Pacific/Pago_Pago', '2026-01-01T11:00:00.000Z'],
    ['2026-03-29', 'Europe/Paris', '2026-03-28T23:00:00.000Z'],
    ['2026-03-30', 'Europe/Paris', '2026-03-29T22:00:00.000Z'],
    // Clocks went ahead at midnight, so that the day began at one o'clock.
    ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00.000Z'],
    // Samoa went over the date line: December 30 was not.
    ['2011-12-30', 'Pacific/Apia', '2011-12-30T10:00:00.000Z'],
    ['2026-01-31T12:00:00Z', 'Asia/Taipei', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T12:00+08:00', 'UTC', '2026-01-31T04:00:00.000Z'],
    ['1767265200000', 'UTC', '2026-01-01T11:00:00.000Z'],
  ])('%s in %s is %s', (text, zone, expected) => {
    expect(new Date(momentOf(text, zone)!).toISOString()).toBe(expected)
  })

  test.each([
    '',
    'today',
    '2026-13-01',
    '2026-02-30',
    '2026-02-30T00:00Z',
    '2026-01-01T10:00',
    '2026',
    '17672652',
    '1900-01-01',
    '-1',
  ])('is none of %j', text => {
    expect(momentOf(text, 'UTC')).toBeNull()
  })
})
