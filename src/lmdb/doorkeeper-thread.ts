/** The thread of the doorkeeper: holds still once, waiting as no event loop may, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { systemTime } from '../time.ts'
import { holdStill } from './holding.ts'

export interface DoorkeeperData {
  path: string
  /** the first is not 0 when it is over, the second when nothing is held any more */
  over: Int32Array
}

const { path, over } = workerData as DoorkeeperData
const isOver = (): boolean => Atomics.load(over, 0) !== 0
const pause = (ms: number): void => void Atomics.wait(over, 0, 0, ms)
try {
  const late = isOver() ? 0 : await holdStill(path, { monotonic: () => systemTime.monotonic(), pause, isOver })
  parentPort!.postMessage(late)
} finally {
  Atomics.store(over, 1, 1)
  Atomics.notify(over, 1)
}
