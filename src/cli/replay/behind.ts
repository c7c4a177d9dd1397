/** How far a server is behind what it took, as its `/readyz` says, while somebody waits for that. */
import type { Works } from '../../observe/work.ts'
import type { Cancel, Time } from '../../time.ts'
import type { Server } from './server.ts'

const LOOK_MS = 500

/** Shows it until it is ended; from another caller's entries it may grow again. */
export function showBehind(server: Server, works: Works, time: Time): Cancel {
  let [most, now, isAsking] = [0, null as number | null, false]
  const end = works.begin('readable', 'entries', () =>
    now === null ? { done: 0, total: null } : { done: most - now, total: most },
  )
  const look = async (): Promise<void> => {
    if (isAsking) return
    isAsking = true
    now = lagIn(await server.glance('/readyz')) ?? now
    most = Math.max(most, now ?? 0)
    isAsking = false
  }
  const cancel = time.every(LOOK_MS, () => void look())
  return () => {
    cancel()
    end()
  }
}

function lagIn(body: unknown): number | null {
  const { lag } = (body as { owner?: { lag?: unknown } | null } | undefined)?.owner ?? {}
  return typeof lag === 'number' && lag >= 0 ? lag : null
}
