import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ownShards } from './support/own-shards.ts'

/** Threads of the process that were started and have not ended. */
const running = new Set<Worker>()
let started = 0

function count(thread: Worker): void {
  started++
  running.add(thread)
  thread.once('exit', () => running.delete(thread))
}

beforeEach(() => void process.on('worker', count))
afterEach(() => void process.off('worker', count))

test('starts no thread in the place of a shard that it closed, and leaves none', async () => {
  const shards = await ownShards()
  const before = started
  await shards.close()
  // A pool would start the next thread as it hears that this one ended.
  await Promise.all([...running].map(thread => thread.terminate()))
  expect([started - before, running.size]).toEqual([0, 0])
})
