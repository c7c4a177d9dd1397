/** Watching figures on a screen, anew each second, until it ends. */
import type { Figures } from '../../bridge/http/front/figures.ts'
import type { Time } from '../../time.ts'
import { glance } from './glance.ts'
import type { Screen } from './screen.ts'

const EVERY_MS = 1_000

/** Shows the first figures, then those that `look` gives; of a question under way it hears that nobody waits for it. */
export async function watch(
  screen: Pick<Screen, 'draw' | 'ended' | 'size'>,
  first: Figures,
  look: (signal: AbortSignal) => Promise<Figures>,
  time: Pick<Time, 'sleep'>,
): Promise<void> {
  const { ended } = screen
  let lines = glance(first, screen.size.rows)
  while (!ended.aborted) {
    screen.draw(lines)
    await time.sleep(EVERY_MS, ended)
    if (ended.aborted) return
    lines = await look(ended).then(
      figures => glance(figures, screen.size.rows),
      (error: Error) => [`No answer, this is what was last seen: ${error.message}`, ...lines.slice(1)],
    )
  }
}
