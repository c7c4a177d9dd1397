import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** Installs the package as it would be published into an empty folder, and starts what it installed. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'rollcall-packed-'))
const npm = (cwd: string, ...args: string[]): string => execFileSync('npm', args, { cwd, encoding: 'utf8' })

const [{ filename }] = JSON.parse(npm(ROOT, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder))
npm(folder, 'init', '-y')
npm(folder, 'install', '--no-audit', '--no-fund', join(folder, filename))
const useClient = "const { RollcallClient } = await import('rollcall/client'); new RollcallClient({ url: 'http://x' })"
execFileSync(process.execPath, ['--input-type=module', '-e', useClient], { cwd: folder })
const useMachines = `import { createActor } from 'xstate'
import { examples, viewer, type ViewerEvent } from 'rollcall/machines'
const actor = createActor(viewer).start()
const events: readonly ViewerEvent[] = examples.viewer
for (const event of events) actor.send(event)
if (!actor.getSnapshot().matches('away')) throw new Error('the packed viewer is not away')
`
writeFileSync(join(folder, 'machines.mts'), useMachines)
const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', '', 'machines.mts']
execFileSync(join(ROOT, 'node_modules/.bin/tsc'), strict, { cwd: folder, stdio: 'inherit' })
execFileSync(process.execPath, ['machines.mts'], { cwd: folder })
const env = { ...process.env, ROLLCALL_PORT: '0', ROLLCALL_DATA: join(folder, 'data') }
const bin = join(folder, 'node_modules/rollcall/bin/rollcall.js')
const child = spawn(process.execPath, [bin, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
const exited = once(child, 'exit')
for await (const line of createInterface({ input: child.stdout })) {
  const { url } = JSON.parse(line) as { url?: string }
  if (url === undefined) continue
  try {
    const headers = { 'content-type': 'application/json' }
    const post = await fetch(`${url}/sessions`, { method: 'POST', headers, body: '{"userId":"u"}' })
    if (post.status !== 201) throw new Error(`the packed server answered ${post.status}`)
    for (const path of [
      'inspect',
      'inspect/page/inspector.js',
      'inspect/page/fork.js',
      'inspect/page/machines/examples.js',
      'inspect/charts/viewer',
      'openapi.json',
      'reference/reference.css',
    ]) {
      const got = await fetch(`${url}/${path}`)
      if (!got.ok) throw new Error(`the packed server answered ${got.status} to ${path}`)
    }
  } finally {
    child.kill('SIGTERM')
  }
}
const [code] = await exited
if (code !== 0) throw new Error(`the packed server ended with ${code}`)
rmSync(folder, { recursive: true })
console.log('the packed package installs, starts, answers and stops')
