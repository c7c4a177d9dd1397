import { join } from 'node:path'
import type { TransactionFlags } from 'lmdb'
import { openDataDir } from '../../src/lmdb/data-dir.ts'
import { openLogEnvironment } from '../../src/lmdb/index.ts'

/**
 * Writes numbers into the log of a data directory, a commit each and as fast as it can, until it is told to end. Says how
 * many there are, and which one was not there any more, if one was.
 */
const NO_SYNC = 0x10002 as TransactionFlags
const dir = process.argv[2]!
const faults: string[] = []
await openDataDir(dir, { faults: { report: (_, error) => void faults.push(String(error)) } })
const env = openLogEnvironment(join(dir, 'log'))
const numbers = env.openDB<number, number>('numbers', { encoding: 'msgpack' })
let written = 0
let lost: number | null = null
let isOver = false
process.on('message', () => {
  isOver = true
})
await numbers.put(0, 0)
process.send!('writing')
while (!isOver && lost === null) {
  numbers.transactionSync(() => {
    if (numbers.get(written) !== written) lost = written
    else numbers.put(written + 1, written + 1)
  }, NO_SYNC)
  written++
  if (written % 20 === 0) await new Promise(resolve => setImmediate(resolve))
}
process.send!({ written, lost, faults })
process.disconnect()
