import { describe, expect, test } from 'vitest'
import { type Point, STEPS } from '../../src/observe/steps.ts'
import { ended, rollcall } from '../support/server.ts'
import { type Command, RECOMPUTE, REPAIR } from './directory.ts'

const preload = `--import=${new URL('../support/killed-at-step.ts', import.meta.url).href}`
const COMMANDS: Record<string, Command> = { repair: REPAIR, recompute: RECOMPUTE }
/** Steps in threads of a process that recomputes. */
const IN_THREADS = ['anew.ask', 'anew.remove']

let crashes = 0

/** Points of the steps with names like these. */
const pointsOf = (isOf: (step: string) => boolean): Point[] =>
  STEPS.filter(isOf).flatMap((step): Point[] => [`before ${step}`, `after ${step}`])

describe.each(Object.entries(COMMANDS))('rollcall %s', (name, { args, env, make, run, remains }) => {
  const own = pointsOf(step => step.startsWith(`${name}.`))
  const threads = name === 'recompute' ? pointsOf(step => IN_THREADS.includes(step)) : []
  const reached = new Set<Point>()
  let expected: unknown

  test('comes to all of its points', async () => {
    const folder = await make()
    await run(folder, point => void reached.add(point))
    expected = await remains(folder)
    expect(own.filter(point => !reached.has(point))).toEqual([])
  })

  test.each([...own, ...threads])('that is killed %s leaves, run again, what it leaves without', async point => {
    const folder = await make()
    const killing = { NODE_OPTIONS: preload, DIE_AT: point, DIE_AFTER: '1' }
    const killed = rollcall(args, { ...env, ROLLCALL_DATA: folder, ...killing })
    const { stderr } = await ended(killed)
    expect([killed.signalCode, stderr]).toEqual(['SIGKILL', ''])
    await run(folder, () => {})
    expect(await remains(folder)).toEqual(expected)
    crashes++
  })
})

test('the points', () => {
  const points = Object.keys(COMMANDS).flatMap(name => pointsOf(step => step.startsWith(`${name}.`)))
  console.log(`crash points of commands: ${points.length}, crashes: ${crashes}`)
  expect(crashes).toBeGreaterThanOrEqual(points.length)
})
