import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A server in a process of its own, and the folder it may write to; both are gone at `stop`. */
export interface Served {
  url: string
  pid: number
  /** by SIGTERM unless told otherwise */
  stop(signal?: 'SIGKILL'): Promise<void>
}

/** A line of the table: what is measured against what in the same rounds. */
export interface Row {
  /** as `bench/gates.json` names it */
  claim: string
  against: string
  ratio: number
  /** the figures of both sides, and what bounds them */
  method: string
}

/** Says a row that the program found; `bench/index.ts` makes one table of all of them. */
export const say = (row: Row): void => console.log(JSON.stringify(row))

/** Why a program measured nothing. */
export const skip = (claim: string, skipped: string): void => console.log(JSON.stringify({ claim, skipped }))

export const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Starts a program that prints a JSON line with `url` once it listens. */
export async function serve(args: string[], more: Record<string, string> = {}): Promise<Served> {
  const data = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
  const env = { ...process.env, ROLLCALL_DATA: data, ROLLCALL_PORT: '0', ...more }
  const child: ChildProcess = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] })
  // A program that fails leaves no server behind, which would be part of what is measured next.
  const end = (): void => {
    child.kill('SIGKILL')
    rmSync(data, { recursive: true, force: true })
  }
  process.once('exit', end)
  for await (const line of createInterface({ input: child.stdout! })) {
    const { url } = JSON.parse(line) as { url?: string }
    if (url === undefined) continue
    const stop = async (signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<void> => {
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
      process.off('exit', end)
      rmSync(data, { recursive: true })
    }
    return { url, pid: child.pid!, stop }
  }
  throw new Error(`${args.join(' ')} ended before it listened`)
}

export const rollcall = (env?: Record<string, string>): Promise<Served> => serve(['bin/rollcall.js', 'serve'], env)

/** CPU of a process so far (µs), all its threads. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ').map(Number)
  return (fields[11]! + fields[12]!) * 10_000
}

/** KiB that a line of the process's status says, as `RssAnon` or `VmRSS`. */
export const kilobytes = (pid: number, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])

/** The `share` (0 to 1) of the values that are at most so great. */
export const quantile = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN

export const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

export const thousands = (value: number): string => Math.round(value).toLocaleString('en')
