import { describe, expect, test } from 'vitest'

/** The page's own module, as a browser loads it. */
const FILE = new URL('../src/bridge/http/inspect/page/timeline.js', import.meta.url).href
const { Timeline } = await import(FILE)

const step = (seq: number, value = `s${seq}`) => ({ seq, value, snapshot: { value, context: { seq } } })
const before = { value: 'new', context: {} }
const seqs = ({ steps }: { steps: { seq: number }[] }): number[] => steps.map(({ seq }) => seq)

/** With a past up to that entry. */
function recalled(last: number) {
  const timeline = new Timeline()
  timeline.recall({ before, steps: Array.from({ length: last }, (_, i) => step(i + 1)) })
  return timeline
}

describe('the timeline of the page', () => {
  test('joins what came live to what the log tells, each step once', () => {
    const timeline = new Timeline()
    for (const seq of [3, 4, 5]) timeline.add(step(seq))
    timeline.recall({ before, steps: [1, 2, 3, 4].map(seq => step(seq)) })
    expect(seqs(timeline)).toEqual([1, 2, 3, 4, 5])
  })

  test('has no step twice that comes after the log has told it', () => {
    const timeline = recalled(4)
    for (const seq of [3, 4, 5, 5]) timeline.add(step(seq))
    expect(seqs(timeline)).toEqual([1, 2, 3, 4, 5, 5])
  })

  test('keeps what it knows where the log tells nothing of it', () => {
    const timeline = recalled(3)
    const nothing = { before: null, steps: [] }
    expect(timeline.recall({ ...nothing, refused: 'too many at once' })).toBe(false)
    expect(timeline.recall({ ...nothing, reason: 'too much to read' })).toBe(false)
    expect([seqs(timeline), timeline.before]).toEqual([[1, 2, 3], before])
    expect(timeline.recall({ before, steps: [step(4)], reason: null })).toBe(true)
  })

  test('keeps 500 steps, and what was before them', () => {
    const timeline = recalled(500)
    timeline.goTo(10)
    for (const seq of [501, 502]) timeline.add(step(seq))
    expect([timeline.steps.length, timeline.steps[0].seq, timeline.step.seq]).toEqual([500, 3, 11])
    expect(timeline.before).toEqual({ value: 's2', context: { seq: 2 } })
  })

  test('stays at the step looked at while others come, until it is live', () => {
    const timeline = recalled(3)
    expect([timeline.go(-1), timeline.step.seq]).toEqual([true, 2])
    timeline.add(step(4))
    expect([timeline.isLive, timeline.step.seq]).toEqual([false, 2])
    timeline.live()
    expect(timeline.step.seq).toBe(4)
  })

  test('goes no further than before the first step, and no further than the last', () => {
    const timeline = recalled(1)
    expect([timeline.go(-1), timeline.stateAt(timeline.place)]).toEqual([true, before])
    expect([timeline.go(-1), timeline.go(1), timeline.go(1)]).toEqual([false, true, false])
  })

  test('knows by which step it came into its state', () => {
    const timeline = new Timeline()
    timeline.recall({ before, steps: [step(1, 'a'), step(2, 'b'), step(3, 'b')] })
    expect(timeline.entered(2).seq).toBe(2)
    timeline.recall({ before: null, steps: [step(1, 'b'), step(2, 'b')] })
    expect(timeline.entered(1)).toBeUndefined()
  })
})
