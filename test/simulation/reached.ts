import type { CheckpointStore } from '../../src/checkpoint/index.ts'
import type { MemoryLog } from '../../src/log/memory.ts'
import type { Time } from '../../src/time.ts'
import type { Life } from './clock.ts'
import type { Disk, Fate, Place } from './fate.ts'
import { liveSets } from './live.ts'
import type { Places } from './places.ts'

type Reach = <T>(place: Place, work: () => T | Promise<T>) => Promise<T>

/** The places as one life reaches them. */
export function reached(places: Places, life: Life, fate: Fate, time: Time) {
  const reach: Reach = (place, work) => fate.reach(life, place, work)
  return {
    log: reachedLog(places, life, fate, time),
    checkpoints: reachedCheckpoints(places.checkpoints, fate, reach),
    documents: reachedStore(places.documents, 'documents', fate, reach),
    live: liveSets(
      places.live,
      () => time.id(),
      work => reach('live', work),
    ),
  }
}

function reachedLog(places: Places, life: Life, fate: Fate, time: Time): MemoryLog {
  const opened = places.log.open({
    time,
    reach: put =>
      fate.reach(life, 'log', () => {
        fate.mustHaveSpace('log')
        return put()
      }),
  })
  return {
    ...opened,
    async append(partition, events) {
      fate.mustHaveSpace('log nearly')
      return opened.append(partition, events)
    },
    trim: (partition, below) => fate.reach(life, 'log', () => places.trim(partition, below)),
    async *read(partition, after, signal) {
      for await (const entries of opened.read(partition, after, signal)) {
        await life.goesOn()
        yield entries
      }
    },
  }
}

function reachedCheckpoints(store: CheckpointStore, fate: Fate, reach: Reach): CheckpointStore {
  return {
    ...reachedStore(store, 'checkpoint', fate, reach),
    async commit(claim, cut, delta) {
      const [sent, own] = [copied(delta), { ...claim }]
      const bytes = await reach('checkpoint', () => {
        fate.mustHaveSpace('checkpoint')
        return store.commit(own, cut, sent)
      })
      Object.assign(claim, own)
      return bytes
    },
  }
}

const ITERATED = ['load', 'seqs']
/** Calls that write nothing, or need no room for it. */
const READING = [...ITERATED, 'get', 'find', 'aggregate', 'peek', 'close']

/** A store whose every call goes the way of a process; what it iterates over is read as of the call. */
function reachedStore<S extends object>(store: S, disk: Disk & Place, fate: Fate, reach: Reach): S {
  const methods = Object.entries(store).filter(([, each]) => typeof each === 'function') as [
    string,
    (...args: unknown[]) => unknown,
  ][]
  const reaching = methods.map(([name, method]) => {
    const call = (...args: unknown[]) => {
      // As it is when it is sent, whatever becomes of it then.
      const sent = copied(args)
      return reach(disk, () => {
        if (!READING.includes(name)) fate.mustHaveSpace(disk)
        return method(...sent)
      })
    }
    const iterate = async function* (...args: unknown[]) {
      yield* await reach(disk, () => gathered(method(...args) as AsyncIterable<unknown>))
    }
    return [name, ITERATED.includes(name) ? iterate : call]
  })
  return Object.fromEntries(reaching)
}

/** As `structuredClone` does with data, in a quarter of the time. */
function copied<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copied) as T
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return structuredClone(value)
  const copy: Record<string, unknown> = {}
  for (const name of Object.keys(value)) copy[name] = copied((value as Record<string, unknown>)[name])
  return copy as T
}

async function gathered<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const each of source) all.push(each)
  return all
}
