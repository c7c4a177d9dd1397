import { describe, expect, test, vi } from 'vitest'
import { edgesOf, edgesOn, pathOf, pathsThrough, type Step } from '../support/machine-paths.ts'
import { inParallel, type Server, startServer } from '../support/server.ts'
import { actorOf, isQuiet, TRAVELLED, type Travelled, UNREACHED } from '../support/travelled.ts'

/** How each event of the paths gets there. */
interface Way {
  name: string
  times: number
  /** the server is killed before */
  isKilled: boolean
  graphs: readonly Travelled[]
}

/** A path of an actor of its own. */
interface Journey {
  graph: Travelled
  names: readonly string[]
  key: string
  steps: Step[]
}

const WAYS: Way[] = [
  // Crashes would hold up each other's actors, and a feed that is asked for again too late runs once more.
  ...TRAVELLED.map(graph => {
    const name = `one after a crash each, to the ${graph.machine.id},`
    return { name, times: 1, isKilled: true, graphs: [graph] }
  }),
  { name: 'one at a time', times: 1, isKilled: false, graphs: TRAVELLED },
  { name: 'each twice', times: 2, isKilled: false, graphs: TRAVELLED },
]
const FEED = 'tw'
/** The server starts soon, and often. */
const SETTINGS = { ROLLCALL_FEED_GROUPS: `global;${FEED}=${FEED}`, ROLLCALL_PARTITIONS: '4', ROLLCALL_SHARDS: '1' }

const PATHS = new Map(TRAVELLED.map(graph => [graph, pathsThrough(graph, isQuiet)]))

/** Steps that come together: what is sent in one request, or all that comes by itself until the next. */
function* stretches(steps: Step[]): Generator<Step[]> {
  let stretch: Step[] = []
  for (const step of steps) {
    const last = stretch.at(-1)
    const goesOn = last && comesItself(last) === comesItself(step) && (comesItself(step) || !isQuiet(step.before))
    if (last && !goesOn) yield stretch
    if (!goesOn) stretch = []
    stretch.push(step)
  }
  yield stretch
}

const comesItself = ({ event: { type } }: Step): boolean => type === 'deadline' || type === 'feed.generated'

/** Kills a server, whatever is under way there, and starts it again; those who ask before it is dead share the crash. */
class Crashes {
  readonly #server: Server
  readonly #sent = new Set<Promise<unknown>>()
  /** sent before the last crash: one crash on the way is enough for each */
  #interrupted: Promise<unknown>[] = []
  #last: Promise<void> = Promise.resolve()
  #coming: Promise<void> | undefined

  constructor(server: Server) {
    this.#server = server
  }

  next(): Promise<void> {
    this.#coming ??= this.#last.then(() => this.#crash())
    this.#last = this.#coming
    return this.#coming
  }

  async #crash(): Promise<void> {
    await Promise.allSettled(this.#interrupted)
    await this.#server.kill()
    this.#coming = undefined
    this.#interrupted = [...this.#sent]
    await this.#server.start()
  }

  async during(sent: Promise<unknown>): Promise<void> {
    this.#sent.add(sent)
    await sent.finally(() => this.#sent.delete(sent))
  }
}

async function travel(
  { graph, key, steps }: Journey,
  server: Server,
  { times, isKilled }: Way,
  crashes: Crashes,
): Promise<void> {
  for (const stretch of stretches(steps)) {
    const events = stretch.map(({ event }) => event)
    const isAwaited = comesItself(stretch[0]!)
    for (let n = 0; n < (isAwaited ? 1 : times); n++) {
      if (isKilled) await crashes.next()
      if (isAwaited) await settled(server, graph, key, stretch.at(-1)!.after.value)
      else await crashes.during(graph.send(server, key, events))
    }
  }
  if (isKilled) await crashes.next()
}

/** Waits until the actor is in the state, and expects nothing soon. */
const settled = (server: Server, { machine }: Travelled, key: string, value: unknown): Promise<void> =>
  vi.waitFor(
    async () => {
      const snapshot = await actorOf(server, machine.id, key)
      expect({ key, value: snapshot.value, isQuiet: isQuiet(snapshot) }).toEqual({ key, value, isQuiet: true })
    },
    { timeout: 40_000, interval: 100 },
  )

describe.each(TRAVELLED)('the $machine.id', graph => {
  test('has edges that no request leads along, each for a reason, and paths along all others', () => {
    const covered = new Set(PATHS.get(graph)!.flatMap(names => edgesOn(graph, names)))
    const edges = edgesOf(graph.machine)
    expect(new Set(edges).size).toBe(edges.length)
    const unreached = edges.filter(edge => !covered.has(edge))
    expect(unreached.sort()).toEqual(
      Object.values(UNREACHED[graph.machine.id] ?? {})
        .flat()
        .sort(),
    )
  })
})

describe.concurrent('events that come through HTTP', () => {
  test.each(WAYS)('$name lead where the machine says, by every path', { timeout: 180_000 }, async way => {
    const server = await startServer(SETTINGS)
    const crashes = new Crashes(server)
    const journeys = way.graphs.flatMap(graph =>
      PATHS.get(graph)!.map((names, n): Journey => {
        const key = graph.machine.id === 'feed' ? FEED : `${graph.machine.id}-${n}`
        return { graph, names, key, steps: pathOf(graph, names, key) }
      }),
    )
    await inParallel(journeys.length, journeys, journey => travel(journey, server, way, crashes))
    const said: object[] = []
    const seen: object[] = []
    for (const { graph, names, key, steps } of journeys) {
      const { value, context } = steps.at(-1)!.after
      said.push({ key, names, value, ...graph.says(context, key) })
      const actor = await actorOf(server, graph.machine.id, key)
      seen.push({ key, names, value: actor.value, ...(await graph.shown(server, key, actor.context)) })
    }
    expect(seen).toEqual(said)
    await server.stop()
  })
})
