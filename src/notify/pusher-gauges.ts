import { type ErrorCode, RollcallError } from '../errors.ts'
import type { Faults } from '../observe/index.ts'
import type { Time } from '../time.ts'
import type { ChannelEvent } from './index.ts'
import { type Deliver, type Message, takeBatch, written } from './pusher-batch.ts'

const EVERY_MS = 300
const IN_FLIGHT = 4
const MOST = 10_000

/** Gauges that wait for the next round. A round ends as soon as Pusher gives no answer, and the rest of it is lost. */
export const rounds = (deliver: Deliver, { time, faults }: { time: Time; faults: Faults }) => {
  const gauges = new Map<string, ChannelEvent>()
  const lost = new Map<ErrorCode, { message: string; count: number }>()
  const end = new AbortController()
  const { signal } = end
  /** the round that is waited for, or under way */
  let next: Promise<void> | undefined

  const lose = ({ code, message }: RollcallError, count = 1): void => {
    lost.set(code, { message, count: (lost.get(code)?.count ?? 0) + count })
  }
  // Not by `sleep`: a process that has nothing else to do does not stay for gauges.
  const pause = (): Promise<void> =>
    new Promise(resolve => {
      const over = (): void => {
        cancel()
        signal.removeEventListener('abort', over)
        resolve()
      }
      const cancel = time.every(EVERY_MS, over)
      signal.addEventListener('abort', over)
    })
  const wait = (): void => {
    if (signal.aborted || gauges.size === 0) return
    next ??= pause().then(round)
  }
  const round = async (): Promise<void> => {
    if (signal.aborted) return
    const messages: Message[] = []
    for (const message of [...gauges.values()].map(written)) {
      if (message instanceof RollcallError) lose(message)
      else messages.push(message)
    }
    gauges.clear()
    const carry = async (): Promise<void> => {
      while (!signal.aborted && messages.length > 0) {
        for (const error of await deliver(takeBatch(messages))) {
          if (error) lose(error, error.code === 'RC_SERVICE_UNREACHABLE' ? 1 + messages.splice(0).length : 1)
        }
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, carry))
    for (const [code, { message, count }] of lost) {
      faults.report('gauges', new RollcallError(code, `Gauges lost: ${count}. ${message}`))
    }
    lost.clear()
    next = undefined
    wait()
  }

  return {
    put: (event: ChannelEvent): void => {
      const room = JSON.stringify([event.channel, event.name])
      if (gauges.size < MOST || gauges.has(room)) gauges.set(room, event)
      else lose(new RollcallError('RC_SERVICE_BUSY', 'More rooms have gauges than can wait.'))
      wait()
    },
    close: async (): Promise<void> => {
      end.abort()
      await next
    },
  }
}
