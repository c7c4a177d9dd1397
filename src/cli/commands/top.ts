import { command } from './command.ts'
import { isForPrograms, SERVER_FLAGS, SHOWN_FLAGS, serverOf } from './flags.ts'

const EVERY_MS = 1_000
const flags = {
  once: { type: 'boolean', default: false, description: 'Show it once, and end' },
  ...SHOWN_FLAGS,
  ...SERVER_FLAGS,
} as const

export const top = command(
  {
    name: 'top',
    description: 'Show how a running server stands, anew each second; q ends it',
    examples: ['rollcall top', 'rollcall top --once', 'rollcall top --json | jq .viewers.alive'],
  },
  flags,
  async ({ args }) => {
    const [server, forPrograms] = [serverOf(args, process.env), isForPrograms(args)]
    const { ask } = await import('../looking/server.ts')
    const { glance } = await import('../looking/glance.ts')
    const { say, sayJson } = await import('../looking/print.ts')
    const { systemTime: time } = await import('../../time.ts')
    const { FIGURES } = await import('../looking/figures.ts')
    const look = (signal?: AbortSignal) => ask(server, '/figures.json', FIGURES, signal && { signal })
    if (args.once || forPrograms || !process.stdout.isTTY) {
      for (;;) {
        const figures = await look()
        if (forPrograms) sayJson(figures)
        else say(glance(figures, Number.POSITIVE_INFINITY).join('\n'))
        if (args.once) return
        await time.sleep(EVERY_MS)
      }
    }
    // A server that is not there, or lets nobody look, is told of before the screen is taken.
    const first = await look()
    const { Screen } = await import('../looking/screen.ts')
    const { watch } = await import('../looking/watch.ts')
    const screen = new Screen(process.stdout, process.stdin)
    try {
      await watch(screen, first, look, time)
    } finally {
      screen.close()
    }
  },
)
