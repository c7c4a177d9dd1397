import { InFlight } from '../../src/bridge/http/in-flight.ts'
import { httpServer } from '../../src/bridge/http/index.ts'
import type { OpenApi } from '../../src/bridge/http/reference/document.ts'
import type { Bridge } from '../../src/bridge/index.ts'
import { Turns } from '../../src/bridge/turns.ts'
import { readConfig } from '../../src/config.ts'
import { ManualTime } from './time.ts'

interface Described {
  document: OpenApi
  /** all that there are: `GET /users/:id` */
  routes: string[]
  hidden: { method: string; path: string; reason: string }[]
  /** the page of the document */
  reference: string
}

/** A server as it describes itself. */
export async function described(): Promise<Described> {
  const routes: string[] = []
  const hidden: Described['hidden'] = []
  const time = new ManualTime()
  const bridge = { settings: readConfig({}, 2), callers: null, turns: new Turns(time), time } as unknown as Bridge
  const app = httpServer(bridge, new InFlight(time))
  app.addHook('onRoute', ({ method: methods, url: path, config: { said } = {} }) => {
    for (const method of [methods].flat()) {
      if (method === 'HEAD') continue
      routes.push(`${method} ${path}`)
      if (said && 'hidden' in said) hidden.push({ method, path, reason: said.hidden })
    }
  })
  const get = async (url: string) => (await app.inject({ url, headers: { host: 'localhost' } })).body
  const document = JSON.parse(await get('/openapi.json'))
  const reference = await get('/reference')
  await app.close()
  return { document, routes, hidden, reference }
}
