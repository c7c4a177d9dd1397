import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { atMost, within } from '../src/time.ts'
import { ManualTime } from './support/time.ts'

const never = new Promise<never>(() => {})
const late = (): Error => new Error('late')

describe('the time of this machine', () => {
  const run = (script: string): string => {
    const module = new URL('../src/time.ts', import.meta.url).href
    const code = `const { systemTime: time } = await import('${module}'); ${script}`
    return execFileSync(process.execPath, ['--input-type=module', '-e', code]).toString()
  }

  test('keeps a process that sleeps alive', () => {
    expect(run(`await time.sleep(20); console.log('awake')`)).toBe('awake\n')
  })

  test('keeps no process alive by what comes again and again', () => {
    expect(run(`time.every(5, () => {}); console.log('ended')`)).toBe('ended\n')
  })
})

describe('a time of this machine that is over', () => {
  test.each([
    'time.after(-2, ring)',
    'time.sleep(-2).then(ring)',
  ])('rings at once, and Node warns of nothing: %s', wait => {
    const script = `
      process.on('warning', ({ name }) => console.log(name))
      const { systemTime: time } = await import('${new URL('../src/time.ts', import.meta.url).href}')
      const ring = () => console.log('rung')
      ${wait}`
    expect(execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', script]).toString()).toBe(
      'rung\n',
    )
  })
})

describe('work within a time', () => {
  test('is what it comes to, and leaves no timer', async () => {
    const time = new ManualTime()
    expect(await within(time, 1_000, Promise.resolve(7), late)).toBe(7)
    expect(time.timers).toBe(0)
  })

  test('is late after it, and not before', async () => {
    const time = new ManualTime()
    let failure: Error | undefined
    within(time, 1_000, never, late).catch(error => {
      failure = error
    })
    await time.advance(999)
    expect(failure).toBeUndefined()
    await time.advance(1)
    expect(failure?.message).toBe('late')
  })

  test('fails as the work does', async () => {
    const work = Promise.reject(new Error('broken'))
    await expect(within(new ManualTime(), 1_000, work, late)).rejects.toThrow('broken')
  })
})

describe('an end that is waited for at most so long', () => {
  test('is there when the work has ended, and after the time in any case', async () => {
    const time = new ManualTime()
    await atMost(time, 1_000, Promise.resolve())
    let isOver = false
    atMost(time, 1_000, never).then(() => {
      isOver = true
    })
    await time.advance(999)
    expect(isOver).toBe(false)
    await time.advance(1)
    expect(isOver).toBe(true)
  })
})
