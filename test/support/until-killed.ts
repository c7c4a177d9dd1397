import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Random } from './random.ts'

/**
 * Runs a script of this folder until it has written some lines, then kills it -9 in the middle of whatever it does.
 * Returns all whole lines it wrote.
 */
export async function untilKilled(script: string, args: string[], random: Random): Promise<string[]> {
  const lines = random.int(1, 100)
  const moreMs = random.int(0, 10)
  const path = new URL(script, import.meta.url).pathname
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let written = ''
  let count = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written += text
    count += text.split('\n').length - 1
    if (count >= lines) setTimeout(() => child.kill('SIGKILL'), moreMs)
  })
  await once(child, 'close')
  if (child.signalCode !== 'SIGKILL') throw new Error(`${script} ended by itself with ${child.exitCode}`)
  return written.split('\n').slice(0, -1)
}
