import { defineCommand } from 'citty'
import { noFlags } from '../flags.ts'

export const serve = defineCommand({
  meta: { name: 'serve', description: 'Run the server; the environment (ROLLCALL_*) configures it' },
  async run({ args }) {
    noFlags(args)
    const stop = stopSignal()
    const { readConfig } = await import('../../config.ts')
    const { start } = await import('../../rollcall.ts')
    const rollcall = await start(readConfig(process.env))
    await stop
    await rollcall.close()
    process.exit(0)
  },
})

/** Resolves at the first SIGTERM or SIGINT; the second ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise(resolve => {
    let asked = false
    const onSignal = () => {
      if (asked) process.exit(1)
      asked = true
      resolve()
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
