import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A server in a process of its own, and the folder it may write to; both are gone at `stop`. */
export interface Served {
  url: string
  pid: number
  stop(): Promise<void>
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Starts a program that prints a JSON line with `url` once it listens. */
export async function serve(args: string[], more: Record<string, string> = {}): Promise<Served> {
  const data = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
  const env = { ...process.env, ROLLCALL_DATA: data, ROLLCALL_PORT: '0', ...more }
  const child: ChildProcess = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout! })) {
    const { url } = JSON.parse(line) as { url?: string }
    if (url === undefined) continue
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM')
      await once(child, 'exit')
      rmSync(data, { recursive: true })
    }
    return { url, pid: child.pid!, stop }
  }
  throw new Error(`${args.join(' ')} ended before it listened`)
}

export const rollcall = (env?: Record<string, string>): Promise<Served> => serve(['bin/rollcall.js', 'serve'], env)

/** The `share` (0 to 1) of the values that are at most so great. */
export const quantile = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN

export const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

export const thousands = (value: number): string => Math.round(value).toLocaleString('en')
