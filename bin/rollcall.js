#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs'
import module from 'node:module'

if (Number.parseInt(process.versions.node, 10) < 24) {
  console.error(`Rollcall needs Node 24 or newer; this is Node ${process.versions.node}.`)
  process.exit(1)
}

// Worker threads take the cache of compiled code from the environment alone. (An older Node lacks these two: imported
// by name they would end it before the sentence above.)
const { directory } = module.enableCompileCache()
if (directory !== undefined) process.env.NODE_COMPILE_CACHE ??= directory

// A checkout runs its TypeScript as it is; the published package carries only the compiled files.
const source = new URL('../src/cli/main.ts', import.meta.url)
const { main } = await import(existsSync(source) ? source.href : '../dist/src/cli/main.js')
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
await main(process.argv.slice(2), version)
