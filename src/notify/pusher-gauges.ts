import { type ErrorCode, RollcallError } from '../errors.ts'
import type { ChannelEvent } from './index.ts'
import { type Deliver, type Message, takeBatch, written } from './pusher-batch.ts'

const EVERY_MS = 300
const IN_FLIGHT = 4
const MOST = 10_000

/** Gauges that wait for the next round. A round that finds nobody there is given up. */
export const rounds = (deliver: Deliver, failed: (error: RollcallError) => void) => {
  const gauges = new Map<string, ChannelEvent>()
  const lost = new Map<ErrorCode, { message: string; count: number }>()
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let closed = false

  const lose = ({ code, message }: RollcallError, count = 1): void => {
    lost.set(code, { message, count: (lost.get(code)?.count ?? 0) + count })
  }
  const wait = (): void => {
    if (closed || gauges.size === 0) return
    timer ??= setTimeout(() => {
      running = round()
    }, EVERY_MS).unref()
  }
  const round = async (): Promise<void> => {
    const messages: Message[] = []
    for (const message of [...gauges.values()].map(written)) {
      if (message instanceof RollcallError) lose(message)
      else messages.push(message)
    }
    gauges.clear()
    const carry = async (): Promise<void> => {
      while (!closed && messages.length > 0) {
        for (const error of await deliver(takeBatch(messages))) {
          if (error) lose(error, error.code === 'RC_SERVICE_UNREACHABLE' ? 1 + messages.splice(0).length : 1)
        }
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, carry))
    for (const [code, { message, count }] of lost) failed(new RollcallError(code, `Gauges lost: ${count}. ${message}`))
    lost.clear()
    timer = undefined
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
      closed = true
      clearTimeout(timer)
      await running
    },
  }
}
