/** A log and a bar on one terminal, as a server has them while it starts. */
import { complain } from '../../src/cli/looking/print.ts'
import { shownWork } from '../../src/cli/looking/work.ts'
import { openLog } from '../../src/observe/log.ts'

const { tell, log } = shownWork()
const logger = await openLog('info', log)
const since = Date.now()
for (let done = 1; done <= 3; done++) {
  tell([{ name: 'replay', unit: 'entries', done, total: 4, since }])
  logger.info({ about: 'x'.repeat(90) }, `line ${done}`)
  complain(`said ${done}`)
}
await new Promise(resolve => setTimeout(resolve, 100))
complain('still')
if (process.argv[2] === 'end') tell([])
