/** The thread of a door's keeper: holds still once, waiting as no event loop may, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { systemTime } from '../time.ts'
import { holdStill } from './holding.ts'

export interface KeeperData {
  path: string
  /** not 0 when it is over */
  over: Int32Array
}

const { path, over } = workerData as KeeperData
const late = await holdStill(path, {
  monotonic: () => systemTime.monotonic(),
  pause: ms => void Atomics.wait(over, 0, 0, ms),
  isOver: () => Atomics.load(over, 0) !== 0,
})
parentPort!.postMessage(late)
