import { RollcallError } from '../errors.ts'
import type { Verdict } from '../observe/silence.ts'
import { retry } from '../retry.ts'
import { systemTime, type Time, within } from '../time.ts'

/** Codes that repeating does not change: BadValue, FailedToParse, Unauthorized and so on, a key that is there. */
const FINAL: unknown[] = [2, 9, 13, 14, 18, 20, 28, 40, 52, 56, 59, 73, 85, 86, 115, 10_334, 11_000, 17_280, 51_104]
/** Errors of the driver about how it is used, as in after its end; the others are about the server or the way to it. */
const MISUSE =
  /^Mongo(API|InvalidArgument|MissingDependency|NotConnected|TopologyClosed|ClientClosed|Compatibility)Error$/
/** Errors of the driver that tell of no answer. */
const SILENT =
  /^Mongo(Network|NetworkTimeout|OperationTimeout|Pool\w+|ServerClosed|ServerSelection|StalePrimary|WaitQueueTimeout)Error$/
/** Errors of the driver that hold what the server said. */
const ANSWERS = /^Mongo(Server|BulkWrite|WriteConcern)Error$/
/** Codes by which a server, or a gateway to one, says that it cannot work just now, whatever it is asked. */
const UNWELL: unknown[] = [1, 6, 7, 64, 89, 91, 134, 189, 262, 9_001, 10_107, 11_600, 11_602, 13_435, 13_436]
/** Codes of Node, where the driver writes to a socket that has just ended and lets its error through. */
const BROKEN: unknown[] = ['EPIPE', 'ECONNRESET', 'ENOTCONN', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']
const PAUSES_MS = [10, 20, 50, 100, 200, 500, 1_000]

const DUPLICATE = 11_000
/** Longer than the driver waits: a great write to a frozen server it never gives up. */
const ATTEMPT_MS = 12_000

interface Failure {
  name: string
  code?: unknown
  /** what became of single writes of a bulk */
  writeErrors?: { code: number; index: number }[]
  /** what the server said; where a bulk got no answer, the error that the driver had instead */
  errorResponse?: unknown
}

/** Nothing went wrong, but it is not done either. */
export class Unsettled extends Error {}

/** Which writes met a key that is there, if that is all that went wrong; else null. */
export function duplicates(error: unknown): number[] | null {
  const { code, writeErrors = [] } = error as Failure
  if (code !== DUPLICATE || writeErrors.some(each => each.code !== DUPLICATE)) return null
  return writeErrors.map(({ index }) => index)
}

/** The verdict on an error: MongoDB was silent, or answered with that. */
export function verdict(error: unknown): Verdict {
  const { name, code, writeErrors = [], errorResponse } = (error ?? {}) as Failure
  if (errorResponse instanceof Error) return verdict(errorResponse)
  if (ANSWERS.test(name)) return UNWELL.includes(code) && writeErrors.length === 0 ? 'silence' : 'answer'
  return SILENT.test(name) ? 'silence' : undefined
}

/** After such an error the work may have been done or not. */
function isUnknown(error: unknown): boolean {
  if (error instanceof Unsettled) return true
  const { name, code, writeErrors = [], errorResponse } = error as Failure
  if (errorResponse instanceof Error) return isUnknown(errorResponse)
  if (BROKEN.includes(code)) return true
  if (!(error instanceof Error) || !/^Mongo|^Pool/.test(name) || MISUSE.test(name)) return false
  if (writeErrors.length === 0) return !FINAL.includes(code)
  return !writeErrors.some(each => each.code !== DUPLICATE && FINAL.includes(each.code))
}

/** Carries work out, again where nobody knows whether it was done. */
export type Repeat = <T>(work: () => Promise<T>) => Promise<T>

/** Repeats what may be repeated while nobody knows whether it was done; RC_STORE_UNAVAILABLE when patience is over. */
export async function repeated<T>(work: () => Promise<T>, patienceMs: number, time: Time = systemTime): Promise<T> {
  const answered = (): Promise<T> => within(time, ATTEMPT_MS, work(), () => new Unsettled('MongoDB was silent'))
  try {
    return await retry(answered, { pauses: PAUSES_MS, patienceMs }, { time, isFinal: error => !isUnknown(error) })
  } catch (cause) {
    if (!isUnknown(cause)) throw cause
    throw new RollcallError('RC_STORE_UNAVAILABLE', undefined, { cause })
  }
}
