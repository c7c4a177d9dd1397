import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import type { AddressInfo } from 'node:net'

const CLIENT = new URL('../../src/client/', import.meta.url)
const PAGE = `<!doctype html><title>a site</title>
<script type="module">
  import { RollcallClient } from '/client/index.ts'
  globalThis.RollcallClient = RollcallClient
</script>`

/** A platform's site: a page that loads the client as it is, and Rollcall under `/api`, as a proxy has it. */
export class Site {
  readonly #rollcall: string
  readonly #http: Server = createServer((asked, answer) => this.#serve(asked, answer))

  constructor(rollcall: string) {
    this.#rollcall = rollcall
  }

  async start(): Promise<string> {
    await new Promise<void>(resolve => this.#http.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections()
    await new Promise(resolve => this.#http.close(resolve))
  }

  #serve(asked: IncomingMessage, answer: ServerResponse): void {
    const path = asked.url!
    if (path.startsWith('/api/')) this.#forward(asked, answer, path.slice('/api'.length))
    else this.#show(answer, path)
  }

  #show(answer: ServerResponse, path: string): void {
    const [, file] = /^\/client\/(\w+\.ts)$/.exec(path) ?? []
    const type = file ? 'text/javascript' : 'text/html'
    answer.writeHead(200, { 'content-type': type })
    answer.end(file ? stripTypeScriptTypes(readFileSync(new URL(file, CLIENT), 'utf8')) : PAGE)
  }

  #forward(asked: IncomingMessage, answer: ServerResponse, path: string): void {
    const forwarded = request(this.#rollcall + path, { method: asked.method!, headers: asked.headers }, came => {
      answer.writeHead(came.statusCode!, came.headers)
      came.pipe(answer)
    })
    forwarded.once('error', () => answer.destroy())
    asked.pipe(forwarded)
  }
}
