import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'

const PATH = '/usr/bin/chromium'
const FLAGS = ['--headless', '--no-sandbox', '--no-first-run', '--remote-debugging-port=0']
/** An empty page to begin with: who connects while Chromium opens its own new tab often waits 5 s, and did once longer than 30. */
const FIRST_PAGE = 'about:blank'

/** Chromium as people have it: a tab is hidden while another one is in front, which it is not where Playwright starts it. */
export class Chromium {
  #process: ChildProcess | undefined
  #browser: Browser | undefined
  readonly #profile = mkdtempSync(join(tmpdir(), 'rollcall-chromium-'))

  async start(): Promise<void> {
    if (!existsSync(PATH)) {
      throw new Error(`There is no ${PATH}. Install it: .ci/browser, or apt-get install chromium`)
    }
    const child = spawn(PATH, [...FLAGS, `--user-data-dir=${this.#profile}`, FIRST_PAGE], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#process = child
    const address = await addressOf(child)
    // Chromium says more, which nobody needs; unread, it would hold it once the pipe is full.
    child.stderr.resume()
    this.#browser = await chromium.connectOverCDP(address, { noDefaults: true })
  }

  /** Its only one: tabs of it share the storage. */
  get context(): BrowserContext {
    return this.#browser!.contexts()[0]!
  }

  async stop(): Promise<void> {
    await this.#browser?.close()
    if (this.#process?.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill()
      await once(this.#process, 'exit')
    }
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function addressOf(child: ChildProcess): Promise<string> {
  const said: string[] = []
  for await (const line of createInterface({ input: child.stderr! })) {
    const [, address] = /^DevTools listening on (ws:\S+)/.exec(line) ?? []
    if (address) return address
    said.push(line)
  }
  throw new Error(`Chromium ended before it listened:\n${said.join('\n')}`)
}
