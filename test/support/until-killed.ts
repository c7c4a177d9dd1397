import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Runs a script of this folder until it has written so many lines, then kills it -9. Returns all whole lines it wrote. */
export async function untilKilled(script: string, args: string[], lines: number): Promise<string[]> {
  const path = new URL(script, import.meta.url).pathname
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let written = ''
  let count = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written += text
    count += text.split('\n').length - 1
    if (count >= lines) child.kill('SIGKILL')
  })
  await once(child, 'close')
  if (child.signalCode !== 'SIGKILL') throw new Error(`${script} ended by itself with ${child.exitCode}`)
  return written.split('\n').slice(0, -1)
}
