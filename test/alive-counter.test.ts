import { expect, test } from 'vitest'
import { AliveCounter } from '../src/audience/alive-counter.ts'
import { seeded } from './support/random.ts'

const T = 1_700_000_000_000

/** The same in a map: what is counted in a second, until that is to be forgotten. */
class Model {
  readonly #seconds = new Map<number, number>()

  add(at: number, by: 1 | -1): void {
    const second = Math.floor(at / 1_000)
    const count = (this.#seconds.get(second) ?? 0) + by
    if (count > 0) this.#seconds.set(second, count)
    else this.#seconds.delete(second)
  }

  since(at: number): number {
    let count = 0
    for (const [second, viewers] of this.#seconds) if (second >= Math.floor(at / 1_000)) count += viewers
    return count
  }

  forget(first: number): boolean {
    for (const second of this.#seconds.keys()) if (second < first) this.#seconds.delete(second)
    return this.#seconds.size === 0
  }
}

test('who is alive is counted the same near and far, also after the clock went back', () => {
  const random = seeded('alive counter')
  for (let round = 0; round < 200; round++) {
    const [counter, model] = [new AliveCounter(), new Model()]
    const beats: number[] = []
    let now = T
    for (let n = 0; n < 500; n++) {
      now += random.pick([0, 100, 1_000, 5_000, 70_000])
      if (random.chance(0.01)) now += random.pick([-3_600_000, 3_600_000, -90_000, 200_000])
      const at = now + random.pick([0, -100, -30_000, -64_000, 60_000, -400_000])
      if (beats.length > 0 && random.chance(0.6)) {
        const i = random.int(0, beats.length - 1)
        for (const each of [counter, model]) each.add(beats[i]!, -1)
        beats[i] = at
      } else beats.push(at)
      for (const each of [counter, model]) each.add(at, 1)
      if (random.chance(0.2)) {
        const asked = now - random.pick([65_000, 65_000, 0, 130_000])
        expect(counter.since(asked)).toBe(model.since(asked))
      }
      if (random.chance(0.1)) {
        const first = Math.floor(now / 1_000) - random.pick([65, 0, 600])
        expect(counter.forget(first)).toBe(model.forget(first))
      }
    }
  }
})
