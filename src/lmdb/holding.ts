/** Holding still: all environments of a data directory locked for writing, while other processes open them. */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { answerOf, HELD_MS, requestOf, requestsIn } from './door.ts'
import { openBesideLock } from './index.ts'
import { ENVIRONMENTS, isThere } from './readable.ts'

/** More wait for the next time. */
const MOST_AT_ONCE = 64
const LOOK_MS = 2

/** A clock by which a thread can wait that does nothing else. */
export interface Waiting {
  monotonic(): number
  /** Returns after `ms`, or when it is over. */
  pause(ms: number): void
  isOver(): boolean
}

/** Answers those who ask, until they have opened. How many are let go of, since they did not in time. */
export async function holdStill(path: string, waiting: Waiting): Promise<number> {
  const names = ENVIRONMENTS.filter(name => isThere(join(path, name)))
  const environments = names.map(name => openBesideLock(path, name)())
  try {
    return locked(environments, () => answer(path, waiting))
  } finally {
    for (const environment of environments) await environment.close()
  }
}

function locked<T>([first, ...rest]: RootDatabase[], work: () => T): T {
  return first ? first.transactionSync(() => locked(rest, work)) : work()
}

function answer(path: string, { monotonic, pause, isOver }: Waiting): number {
  const asked = requestsIn(path).slice(0, MOST_AT_ONCE)
  const isAsked = (id: string): boolean => existsSync(requestOf(path, id))
  try {
    for (const id of asked) writeFileSync(answerOf(path, id), '', { mode: 0o600 })
    const until = monotonic() + HELD_MS
    while (asked.some(isAsked) && !isOver() && monotonic() < until) pause(LOOK_MS)
  } finally {
    for (const id of asked) rmSync(answerOf(path, id), { force: true })
  }
  const late = isOver() ? [] : asked.filter(isAsked)
  for (const id of late) rmSync(requestOf(path, id), { force: true })
  return late.length
}
