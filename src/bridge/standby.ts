import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { RollcallError } from '../errors.ts'

export interface Standby {
  port: number
  /** Frees the port. */
  end(): Promise<void>
}

/** Answers for a process that owns no partition as long as another one does: it lives, and is not ready. */
export async function standBy(host: string, port: number): Promise<Standby> {
  const refusal = new RollcallError('RC_NO_OWNER')
  const server = createServer((request, response) => {
    const lives = request.method === 'GET' && request.url === '/livez'
    response.writeHead(lives ? 200 : refusal.status, { 'content-type': 'application/json', connection: 'close' })
    response.end(JSON.stringify(lives ? { live: true } : refusal))
    request.resume()
  })
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async end() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
