/**
 * The probe: `node probe.ts <folder> [<writer>]` reads all there is in an environment, in a process of its own: over a file that is
 * not what LMDB takes it for it may end with a signal.
 */
import { statSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { dirname, join } from 'node:path'
import { RollcallError } from '../errors.ts'
import { throughDoor, type Writer, writerOf } from './door.ts'
import { openStateEnvironment } from './index.ts'
import { SHUT } from './readable.ts'

/** An item takes no less of the file. */
const LEAST_BYTES = 8

const folder = process.argv[2]!
const dir = dirname(folder)
const writer = (process.argv[3] as Writer | undefined) ?? (await writerOf(dir))
const open = () => openStateEnvironment(folder, { readOnly: true })
const env = await throughDoor(dir, open, process.argv[3] ? { writer } : {}).catch((error: unknown) => {
  if (!(error instanceof RollcallError)) throw error
  console.error(JSON.stringify({ code: error.code, message: error.message }))
  process.exit(SHUT)
})
// The priority is lowered only now: while this opens, the process that writes waits.
if (writer !== 'none') setPriority(constants.priority.PRIORITY_LOW)
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
