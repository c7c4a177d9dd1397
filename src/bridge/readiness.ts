import { ERRORS, type ErrorCode } from '../errors.ts'
import type { Bridge } from './index.ts'

interface Said {
  code: string
  message: string
}

/** Readiness: all that comes is taken and goes on; if not, what does not. */
export interface Readiness {
  ready: boolean
  partitions: number
  stopped: { partition: number; stopped: Said; applied?: number | undefined; replayUntil?: number | undefined }[]
  writes?: Said[]
}

export function readinessOf({ directory, settings }: Pick<Bridge, 'directory' | 'settings'>): Readiness {
  const stopped = directory.states.flatMap(({ partition, stopped, applied, replayUntil }) =>
    stopped ? [{ partition, stopped: shown(stopped.code), applied, replayUntil }] : [],
  )
  const { failing } = directory
  const writes = failing && [{ code: failing.code, message: failing.message }]
  const ready = stopped.length === 0 && failing === null
  return { ready, partitions: settings.partitions, stopped, ...(writes && { writes }) }
}

/** Anybody may read it: the text of an error may hold more than that. */
function shown(code: string): Said {
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'RC_INTERNAL'
  return { code: known, message: ERRORS[known][1] }
}
