import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openCheckpoints } from '../../src/checkpoint/embedded/index.ts'
import { peekAtCuts } from '../../src/checkpoint/embedded/peek.ts'
import type { CheckpointRecord } from '../../src/checkpoint/index.ts'
import { allRecords, nameOf } from '../support/all-records.ts'
import { delta, INCARNATION, load, MARK, put } from '../support/checkpoint-records.ts'
import { flipInState } from '../support/flipped.ts'
import { keysIn, leaveFormer, manifestOf } from '../support/former-checkpoint.ts'
import { seeded } from '../support/random.ts'
import { startWriting } from '../support/until-killed.ts'

// More than is kept of changes that no bucket has yet.
const text = 'x'.repeat(4_000)
const RECORDS: CheckpointRecord[] = Array.from({ length: 3_000 }, (_, i) => [
  put('actor', ['visitor', `v${i}`, ''], { i, text }),
  put('actor', ['visitor', `v${i}`, 'day', '1', '0'], [i]),
  put('deadline', [`visitor/v${i}`], i),
])
  .flat()
  .concat(put('aggregate', ['totals'], { attendance: 3 }), put('documents', ['9'], [{ id: 'a' }]))
const MODEL = new Map(RECORDS.map(record => [nameOf(record), record.value]))
const ANCHOR = { cut: 9, incarnation: INCARNATION, mark: MARK }

describe('a checkpoint of a former version, with a key a record,', () => {
  let path: string

  beforeEach(async () => {
    path = mkdtempSync(join(tmpdir(), 'rollcall-former-'))
    await leaveFormer(path, 0, 9, RECORDS)
    await leaveFormer(path, 1, 8, RECORDS.slice(0, 5))
  })
  afterEach(() => rmSync(path, { recursive: true }))

  const seen = async (): Promise<Map<string, unknown>> => {
    const cuts = peekAtCuts(path)
    const held = (await cuts.hold(0))!
    expect([await cuts.of(0), held.anchor, await cuts.damage(0)]).toEqual([ANCHOR, ANCHOR, null])
    const found = new Map<string, unknown>()
    for await (const record of held.records())
      found.set(nameOf(record), 'error' in record ? record.error : record.value)
    expect(held.get({ space: 'aggregate', names: ['totals'] })).toEqual(put('aggregate', ['totals'], { attendance: 3 }))
    held.release()
    await cuts.close()
    return found
  }

  test('is read where it is by who only looks', async () => {
    const before = await keysIn(path, 0)
    expect(await seen()).toEqual(MODEL)
    expect(await keysIn(path, 0)).toEqual(before)
  })

  test('is made into blobs by a claim, and goes on', async () => {
    const store = openCheckpoints(path)
    const claim = await store.claim(0, 'now')
    expect(claim).toMatchObject({ ...ANCHOR, epoch: 4 })
    expect(await allRecords(store, claim)).toEqual(MODEL)
    expect(await load(store, claim, { space: 'actor', names: ['visitor', 'v77', ''] })).toEqual([RECORDS[3 * 77]])
    await store.commit(claim, 10, delta([put('aggregate', ['totals'], 4)], [RECORDS[0]!]))
    const later = await store.claim(0, 'later')
    const model = new Map(MODEL).set(nameOf(put('aggregate', ['totals'])), 4)
    model.delete(nameOf(RECORDS[0]!))
    expect([later.cut, await allRecords(store, later)]).toEqual([10, model])
    await store.close()
    expect([(await keysIn(path, 0)).records, (await keysIn(path, 1)).records]).toEqual([0, 5])
  })

  test('is as it was wherever a claim was killed, until the claim counts', async () => {
    const random = seeded('claims of a former checkpoint, killed')
    let converted = 0
    for (let round = 0; round < 8 && converted < 2; round++) {
      const claiming = startWriting('claim-until-killed.ts', [path])
      await claiming.until(lines => lines.length > 0)
      await pause(random.int(0, 100 * (round + 1)))
      if ((await claiming.kill()).includes('claimed')) converted++
      expect(await seen()).toEqual(MODEL)
    }
    const store = openCheckpoints(path)
    const claim = await store.claim(0, 'last')
    expect([claim.cut, await allRecords(store, claim)]).toEqual([9, MODEL])
    // Two commits, and nothing lies around that a killed claim left.
    for (const cut of [10, 11]) await store.commit(claim, cut, delta([]))
    await store.close()
    const { records, pieces } = await keysIn(path, 0)
    expect([records, pieces < 2 * RECORDS.length]).toEqual([0, true])
  }, 120_000)

  test('is none for the former version once it is made into blobs, however many claims and commits there were', async () => {
    const store = openCheckpoints(path)
    for (let n = 0; n < 8; n++) {
      const claim = await store.claim(1, 'now')
      await store.commit(claim, 9 + n, delta([put('actor', ['visitor', `w${n}`, ''], n)]))
      const { value } = await manifestOf(path, 1)
      expect(value).toHaveProperty('buckets')
      // The former version takes a manifest for damaged whose `n` is not its version.
      expect(value).not.toHaveProperty('n')
    }
    await store.close()
  })

  test('of which a record is damaged is named by the record, and stays', async () => {
    await flipInState(path, 'checkpoint', [0, 'actor', 'visitor', 'v2000', ''], 99)
    const store = openCheckpoints(path)
    const damage = { code: 'RC_CHECKPOINT_CORRUPT', message: expect.stringContaining('record actor/visitor/v2000/ ') }
    await expect(store.claim(0, 'now')).rejects.toMatchObject(damage)
    expect(await store.claim(1, 'now')).toMatchObject({ cut: 8 })
    await store.close()
    const cuts = peekAtCuts(path)
    expect(await cuts.damage(0)).toMatchObject(damage)
    await cuts.close()
    expect((await keysIn(path, 0)).records).toBe(RECORDS.length)
  })
})
