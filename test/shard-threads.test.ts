import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
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

// V8 says no more than a line on stderr where a version of it has a flag no longer.
test('sets no flag that V8 does not have', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })
  const set = globSync('src/**/*.ts').flatMap(path =>
    [...readFileSync(path, 'utf8').matchAll(/setFlagsFromString\(\W(--[a-z-]+)/g)].map(([, flag]) => flag!),
  )
  expect(set).not.toEqual([])
  for (const flag of set) expect(known).toContain(`${flag} `)
})
