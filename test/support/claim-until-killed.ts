import { writeSync } from 'node:fs'
import { openCheckpoints } from '../../src/checkpoint/embedded/index.ts'

/** Claims a partition and writes a line before and after it, and then waits to be killed. */
const store = openCheckpoints(process.argv[2]!)
writeSync(1, 'begun\n')
await store.claim(0, String(process.pid))
writeSync(1, 'claimed\n')
setInterval(() => {}, 1_000)
