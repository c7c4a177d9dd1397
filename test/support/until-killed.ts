import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import type { Random } from './random.ts'

/** A script of this folder that writes lines until it is killed. */
export interface Writing {
  /** Resolves when what it has written is enough. */
  until(isEnough: (lines: string[]) => boolean): Promise<void>
  /** kill -9, in the middle of whatever it does; all whole lines it wrote */
  kill(): Promise<string[]>
}

export function startWriting(script: string, args: string[]): Writing {
  const path = new URL(script, import.meta.url).pathname
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const writes = new EventEmitter()
  let written = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written += text
    writes.emit('write')
  })
  const closed = once(child, 'close')
  const lines = (): string[] => written.split('\n').slice(0, -1)
  return {
    async until(isEnough) {
      const ended = closed.then(() => {
        if (!isEnough(lines())) throw new Error(`${script} ended by itself with ${child.exitCode}`)
      })
      while (!isEnough(lines())) await Promise.race([once(writes, 'write'), ended])
    },
    async kill() {
      child.kill('SIGKILL')
      await closed
      return lines()
    },
  }
}

/** Runs a script of this folder until it has written some lines, and a little longer, then kills it. */
export async function untilKilled(script: string, args: string[], random: Random): Promise<string[]> {
  const writing = startWriting(script, args)
  const least = random.int(1, 100)
  const moreMs = random.int(0, 10)
  await writing.until(lines => lines.length >= least)
  await new Promise(resolve => setTimeout(resolve, moreMs))
  return writing.kill()
}
