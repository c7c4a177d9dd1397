import { NOON } from './clock.ts'
import { PARTITIONS } from './places.ts'
import type { Input } from './plan.ts'
import type { Process } from './process.ts'
import type { Sent } from './run.ts'
import type { World } from './world.ts'

/** Beats are counted, and their copies published, within so long. */
const SHOWN_MS = 5_000
const USERS = [0, 1, 2, 3, 4]

/** At the end some come back, so that somebody is alive; answers with what they sent. */
export async function finale(
  world: World,
  seed: number,
  send: (sent: Sent, process: Process) => void,
): Promise<Input[]> {
  const { clock, differences } = world
  const back = USERS.filter(n => (seed >> n) % 2 === 0)
  const late = back.map((n): Sent => {
    const path = ['/live/a', '/live/b', '/'][(seed + n) % 3]!
    const beat = { userId: `u${n}`, at: NOON + clock.elapsed, path, country: 'TW', groups: [] }
    return { input: { beat }, isAccepted: false }
  })
  const owning = world.processes.find(process => process.owner)
  if (!owning) throw new Error('nobody owns the partitions at the end')
  for (const sent of late) send(sent, owning)
  await clock.pass(SHOWN_MS)
  if (late.some(({ isAccepted }) => !isAccepted)) differences.push('what is sent at the end is not taken')
  if (world.places.live.finished.size < PARTITIONS) differences.push('the live sets are not whole at the end')
  return late.map(({ input }) => input)
}
