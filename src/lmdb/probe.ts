/**
 * The probe: `node probe.ts <folder>` reads all there is in an environment, in a process of its own: over a file that is
 * not what LMDB takes it for it may end with a signal.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { openStateEnvironment } from './index.ts'

/** An item takes no less of the file. */
const LEAST_BYTES = 8

const folder = process.argv[2]!
const env = openStateEnvironment(folder, { readOnly: true })
let left = statSync(join(folder, 'data.mdb')).size / LEAST_BYTES
const names = [...env.getKeys()]
env.resetReadTxn()
for (const name of names) {
  const options = { encoding: 'binary', keyEncoding: 'binary', dupSort: name === 'indexes' } as const
  const table = env.openDB<Buffer, Buffer>(String(name), options)
  for (const { value } of table.getRange({})) {
    value.at(-1)
    if (--left < 0) throw new Error('its pages lead to one another without an end')
  }
}
await env.close()
