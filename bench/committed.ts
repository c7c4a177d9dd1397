import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { median, thousands } from './measure.ts'

/**
 * CPU of a heartbeat from the log to the checkpoint, documents included, against the same beats sent to interpreted XState
 * actors in memory. Rounds take turns, each in a process of its own with the same flags. Every user beats each 30 s of
 * event time: one beat in ten begins a window, one in a hundred is on another page, on 100 streams.
 */
const PARTITIONS = 16
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)
const BEATS = Number(process.env.BENCH_BEATS ?? 60)
const USERS = (process.env.BENCH_USERS ?? '10000').split(',').map(Number)
const ENTRIES = [6, 100]

interface Took {
  /** µs, of all threads of the process */
  cpu: number
}

async function run(program: string, ...args: (string | number)[]): Promise<string> {
  const path = fileURLToPath(new URL(`committed/${program}.ts`, import.meta.url))
  const child = spawn(process.execPath, [path, ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (code !== 0) throw new Error(`bench/committed/${program}.ts ended with ${code}`)
  return printed
}

const took = async (...asked: Parameters<typeof run>): Promise<number> => (JSON.parse(await run(...asked)) as Took).cpu

async function committed(users: number, entry: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
  try {
    await run('fill', join(folder, 'log'), PARTITIONS, users, BEATS, entry)
    return await took('rollcall', folder, PARTITIONS)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

for (const users of USERS) {
  for (const entry of ENTRIES) {
    const rounds: { rollcall: number; xstate: number }[] = []
    for (let round = 0; round < ROUNDS; round++)
      rounds.push({ xstate: await took('interpreted', users, BEATS), rollcall: await committed(users, entry) })
    const of = (name: 'rollcall' | 'xstate'): string =>
      (median(rounds.map(round => round[name])) / (users * BEATS)).toFixed(2)
    const ratio = median(rounds.map(({ rollcall, xstate }) => xstate / rollcall))
    console.log(`${thousands(users)} users, entries of ${entry} beats, median of ${ROUNDS} rounds:`)
    console.log(`  rollcall, log to checkpoint      ${of('rollcall')} µs of CPU a beat`)
    console.log(`  interpreted XState, in memory    ${of('xstate')} µs of CPU a beat`)
    console.log(`  ratio ${ratio.toFixed(2)}`)
  }
}
