import { randomUUID } from 'node:crypto'
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises'

/** Ends a timer; after it has rung, nothing. */
export type Cancel = () => void

/** All that a program takes from the machine it runs on that differs from run to run: clocks, timers, random ids. */
export interface Time {
  /** ms since the epoch, by a clock that may be set */
  now(): number
  /** ms from any beginning, by a clock that is never set */
  monotonic(): number
  /** Resolves after `ms`, or when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls once, after `ms`. */
  after(ms: number, call: () => void): Cancel
  /** Calls every `ms`. Alone it keeps no process alive. */
  every(ms: number, call: () => void): Cancel
  /** Resolves in a later turn of the event loop, when what has come meanwhile was taken. */
  turn(): Promise<void>
  /** A random UUID. */
  id(): string
}

/** A timer of Node holds no longer time. */
const LONGEST_MS = 2 ** 31 - 1

/** The time of this machine. */
export const systemTime: Time = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  // An abort is the end that was asked for.
  sleep: (ms, signal) => pause(Math.min(ms, LONGEST_MS), undefined, { ...(signal && { signal }) }).catch(() => {}),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(ms, LONGEST_MS))
    return () => clearTimeout(timer)
  },
  every(ms, call) {
    const timer = setInterval(call, ms).unref()
    return () => clearInterval(timer)
  },
  turn: () => immediate(),
  id: () => randomUUID(),
}

/** What the work comes to; rejects with what `late` says if that takes longer than `ms`. */
export async function within<T>(time: Time, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const cancel = time.after(ms, () => reject(late()))
  try {
    return await Promise.race([work, promise])
  } finally {
    cancel()
  }
}

/** Resolves when the work has ended, or after `ms`: for the end of what may never end. Rejects if the work does. */
export async function atMost(time: Time, ms: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const cancel = time.after(ms, resolve)
  try {
    await Promise.race([work, promise])
  } finally {
    cancel()
  }
}
