import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import type { Env } from './server.ts'

/** A terminal of util-linux's `script`; where it is not installed there is none. */
const path = '/usr/bin/script'

interface Run {
  /** what was written to it until now */
  text(): string
  type(keys: string): void
  /** the code with which the command ended */
  exit: Promise<number | null>
}

/** Runs a command of the shell on a terminal of its own; Ctrl+C ends it with the test, if it has not ended. */
function run(command: string, env: Env = {}): Run {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(ROLLCALL|PUSHER|FIREBASE)_/.test(name))
  const child = spawn(path, ['-qec', command, '/dev/null'], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', data => {
    text += data
  })
  // A command that has just ended reads no more.
  child.stdin.on('error', () => {})
  const type = (keys: string): void => void child.stdin.write(keys)
  const exit = once(child, 'close').then(([code]) => code as number | null)
  onTestFinished(async () => {
    if (child.exitCode === null) type('\x03')
    await exit
  })
  return { text: () => text, type, exit }
}

export const terminal = { path, run }
