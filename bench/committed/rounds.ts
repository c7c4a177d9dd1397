import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** Rounds: a measurement is a process of its own, with the same flags, so that none warms up another. */
const PARTITIONS = 16

/** Beats of each user, half a minute apart. */
export const BEATS = Number(process.env.BENCH_BEATS ?? 240)

async function run(program: string, args: (string | number)[], flags: readonly string[] = []): Promise<string> {
  const path = fileURLToPath(new URL(`${program}.ts`, import.meta.url))
  const child = spawn(process.execPath, [...flags, path, ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (code !== 0) throw new Error(`bench/committed/${program}.ts ended with ${code}`)
  return printed
}

const took = async (...asked: Parameters<typeof run>): Promise<number> =>
  (JSON.parse(await run(...asked)) as { cpu: number }).cpu

/**
 * µs of CPU a beat, from the log to the checkpoint, documents included, while so many viewers are watched. `flags` are
 * Node's.
 */
export async function committed(
  users: number,
  beats: number,
  entry: number,
  { watched = 0, flags = [] }: { watched?: number; flags?: readonly string[] } = {},
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
  try {
    await run('fill', [join(folder, 'log'), PARTITIONS, users, beats, entry])
    return (await took('rollcall', [folder, PARTITIONS, watched], flags)) / (users * beats)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** µs of CPU a beat, of interpreted XState actors in memory. */
export const interpreted = async (users: number, beats: number): Promise<number> =>
  (await took('interpreted', [users, beats])) / (users * beats)
