import { afterAll, afterEach, beforeAll, vi } from 'vitest'
import type { LiveContent, LiveSets } from '../../src/audience/index.ts'
import { openRedisLiveSets } from '../../src/audience/redis.ts'
import type { Faults } from '../../src/observe/index.ts'
import { RedisServer } from './redis-server.ts'

const PARTITIONS = Array.from({ length: 16 }, (_, partition) => partition)

/** The name of a key, as it is documented. */
export const key = (name: string): string => `rollcall:{live}:${name}`

/** Live sets in a Redis of this test file, which is empty before each test. */
export class RedisLiveSets {
  /** what they told of Redis being away */
  told: string[] = []
  #server: RedisServer | undefined
  #handles: LiveSets<null>[] = []

  constructor(binary: string | null) {
    beforeAll(async () => {
      if (binary !== null) this.#server = await RedisServer.start(binary)
    })
    afterEach(async () => {
      await this.#server?.up()
      await Promise.all(this.#handles.map(each => each.close()))
      await this.#server?.flush()
      this.#handles = []
      this.told = []
    })
    afterAll(() => this.#server?.stop())
  }

  get server(): RedisServer {
    return this.#server!
  }

  get partitions(): readonly number[] {
    return PARTITIONS
  }

  async open(generation = 'g1'): Promise<LiveSets<null>> {
    const faults: Faults = { report: (_step, error) => void this.told.push((error as Error).message) }
    const partitions = PARTITIONS.length
    const sets = await openRedisLiveSets({ url: this.server.url, generation, partitions, faults })
    this.#handles.push(sets)
    return sets
  }

  async openWhole(content: LiveContent[] = []): Promise<LiveSets<null>> {
    const sets = await this.open()
    await this.rebuild(sets, content)
    return sets
  }

  /** All partitions; the content is of the first. */
  async rebuild(sets: LiveSets<null>, content: LiveContent[] = []): Promise<void> {
    for (const partition of PARTITIONS) await sets.rebuild(partition, partition === 0 ? content : [])
  }

  /** Resolves when they reach Redis. */
  async reached(sets: LiveSets<null>): Promise<void> {
    const reaches = (): Promise<boolean> =>
      sets.alive(0).then(
        () => true,
        () => false,
      )
    await vi.waitUntil(reaches, 10_000)
  }
}
