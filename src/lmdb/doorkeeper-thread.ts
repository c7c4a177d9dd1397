/** The thread of the doorkeeper: holds still once, waiting as no event loop may, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { systemTime } from '../time.ts'
import { holdStill } from './holding.ts'

export interface DoorkeeperData {
  path: string
  /** not 0 when it is over */
  over: Int32Array
}

const { path, over } = workerData as DoorkeeperData
const late = await holdStill(path, {
  monotonic: () => systemTime.monotonic(),
  pause: ms => void Atomics.wait(over, 0, 0, ms),
  isOver: () => Atomics.load(over, 0) !== 0,
})
parentPort!.postMessage(late)
