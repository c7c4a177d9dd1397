import { expect, test } from 'vitest'
import { Slabs } from '../src/lmdb/slabs.ts'

const filled = (slabs: Slabs, bytes: number, value: number): Buffer => slabs.take(bytes).fill(value)
const isAll = (bytes: Buffer, value: number): boolean => bytes.every(byte => byte === value)

test('bytes of slabs are as they were written, whatever else is taken, until they are freed', () => {
  const [one, other] = [new Slabs(), new Slabs()]
  const taken = Array.from({ length: 300 }, (_, n) => filled(n % 2 === 0 ? one : other, 7_000, n % 251))
  expect(taken.every((bytes, n) => bytes.length === 7_000 && isAll(bytes, n % 251))).toBe(true)
  one.free()
  for (let n = 0; n < 300; n++) filled(one, 7_000, 255)
  expect(taken.every((bytes, n) => n % 2 === 0 || isAll(bytes, n % 251))).toBe(true)
})

test('memory that was freed is taken again, by whoever comes', () => {
  const former = new Slabs()
  const memory = new Set(Array.from({ length: 100 }, () => former.take(7_000).buffer))
  former.free()
  const again = new Slabs()
  expect(memory.has(again.take(7_000).buffer)).toBe(true)
})

test('bytes that are more than a slab have memory of their own', () => {
  const slabs = new Slabs()
  const bytes = filled(slabs, 1_000_000, 1)
  expect(bytes.buffer.byteLength).toBe(1_000_000)
  slabs.free()
  filled(slabs, 1_000_000, 2)
  expect(isAll(bytes, 1)).toBe(true)
})

test('memory that a time of many writes has left goes, by and by', () => {
  const many = Array.from({ length: 40 }, () => new Slabs())
  const memory = new Set(many.map(slabs => slabs.take(200_000).buffer))
  for (const slabs of many) slabs.free()
  const few = new Slabs()
  for (let n = 0; n < 100; n++) {
    few.take(200_000)
    few.free()
  }
  const left = Array.from({ length: 40 }, () => new Slabs().take(200_000).buffer).filter(each => memory.has(each))
  expect(left.length).toBeLessThanOrEqual(3)
})
