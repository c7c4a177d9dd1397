import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { CombinedLog } from '../src/cli/replay/combined-log.ts'
import { ROOT, say, thousands } from './measure.ts'

/** A log file to readable documents, by `rollcall replay` in process, against parsing the same file and nothing else. */
const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
const file = process.env.BENCH_LOG ?? join(folder, 'evening.log')

async function cli(...args: string[]): Promise<string> {
  const env = { ...process.env, ROLLCALL_DATA: join(folder, 'data'), ROLLCALL_LOG_LEVEL: 'silent' }
  const child = spawn(process.execPath, ['bin/rollcall.js', ...args], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  let last = ''
  for await (const line of createInterface({ input: child.stdout })) last = line
  const [code] = await exited
  if (code !== 0) throw new Error(`rollcall ${args[0]} ended with ${code}`)
  return last
}

if (!process.env.BENCH_LOG) await cli('simulate', '--log', file, '--viewers', '4000', '--minutes', '240')
const started = performance.now()
const log = new CombinedLog()
let parsed = 0
for await (const line of createInterface({ input: createReadStream(file) })) if ('id' in log.read(line)) parsed++
const parsing = parsed / ((performance.now() - started) / 1_000)
const { events, sessions, eventsPerSecond } = JSON.parse(await cli('replay', file))
say({
  claim: 'replay of a log file, events/s',
  against: 'parsing it alone',
  ratio: eventsPerSecond / parsing,
  method: `${thousands(events)} events (${thousands(statSync(file).size)} bytes), ${thousands(sessions)} sessions, once: ${thousands(eventsPerSecond)} / ${thousands(parsing)}`,
})
rmSync(folder, { recursive: true })
