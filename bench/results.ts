import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './measure.ts'

/** Writes what was measured by hand to `bench/results/<name>.json`, with the machine and the versions. */
export function keep(name: string, measured: object): void {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memory: totalmem() }
  const versions = { rollcall: version, node: process.version, kernel: release() }
  const result = { at: new Date().toISOString(), machine, versions, ...measured }
  const text = `${JSON.stringify(result, null, 2)}\n`
  mkdirSync(join(ROOT, 'bench/results'), { recursive: true })
  writeFileSync(join(ROOT, `bench/results/${name}.json`), text)
  console.log(text)
}
