import { writeSync } from 'node:fs'
import { isCode } from '../../src/errors.ts'
import { openLog } from '../../src/log/embedded/writer.ts'

/**
 * Appends to a log for ever and writes `<partition> <seq> <event id>` of each append that is acknowledged. Once it is no
 * longer the writer of the log, it writes the code of that, and waits.
 */
const log = await openLog(process.argv[2]!, 2, {})
let last = 0

async function appendForEver(partition: number): Promise<void> {
  for (;;) {
    const id = `${process.pid}-${++last}`
    try {
      const seq = await log.append(partition, [{ kind: 'heartbeat', key: 'k', id, at: 1, arrival: 1 }])
      writeSync(1, `${partition} ${seq} ${id}\n`)
    } catch (error) {
      if (!isCode(error, 'RC_FENCED')) throw error
      writeSync(1, 'RC_FENCED\n')
      setInterval(() => {}, 1_000)
      return
    }
  }
}

for (let lane = 0; lane < 8; lane++) appendForEver(lane % 2)
