import { openDataDir } from '../../src/lmdb/data-dir.ts'
import { toldFaults } from './time.ts'

/** Opens a data directory, says `locked` or the code of the refusal, and holds it until it is told to end. */
const said = await openDataDir(process.argv[2]!, { faults: toldFaults() }).then(
  () => 'locked',
  (error: { code?: string }) => error.code ?? String(error),
)
process.send!(said)
process.on('message', () => process.exit())
