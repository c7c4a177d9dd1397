import { ERRORS, type ErrorCode } from '../errors.ts'
import type { KnownHolder } from '../observe/holder.ts'
import type { Bridge } from './index.ts'

interface Said {
  code: string
  message: string
}

/** Readiness: all that comes is taken and goes on; if not, what does not. */
export interface Readiness {
  ready: boolean
  partitions: number
  /** the process that owns them, or did last, and how many entries no commit has yet; null: none is known */
  owner: (KnownHolder & { lag: number | null }) | null
  stopped: { partition: number; stopped: Said; applied?: number | undefined; replayUntil?: number | undefined }[]
  writes?: Said[]
}

export function readinessOf({ directory, settings }: Pick<Bridge, 'directory' | 'settings'>): Readiness {
  const stopped = directory.states.flatMap(({ partition, stopped, applied, replayUntil }) =>
    stopped ? [{ partition, stopped: shown(stopped.code), applied, replayUntil }] : [],
  )
  const { failing, holder, lag } = directory
  const owner = holder && { ...holder, lag }
  const writes = failing && [{ code: failing.code, message: failing.message }]
  const ready = stopped.length === 0 && failing === null
  return { ready, partitions: settings.partitions, owner, stopped, ...(writes && { writes }) }
}

/** Anybody may read it: the text of an error may hold more than that. */
function shown(code: string): Said {
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'RC_INTERNAL'
  return { code: known, message: ERRORS[known][1] }
}
