import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLogEnvironment } from '../../src/lmdb/index.ts'

/**
 * A server that puts each body into LMDB as the log does, and answers 202 when that is on disk; nothing is parsed and
 * nothing is behind it. Bodies that come while a commit is under way are one commit.
 */
const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
const env = openLogEnvironment(folder)
const entries = env.openDB<Buffer, number>('entries', { encoding: 'binary', keyEncoding: 'uint32' })
let waiting: { body: Buffer; response: ServerResponse }[] = []
let isCommitting = false
let last = 0

async function commit(): Promise<void> {
  isCommitting = true
  while (waiting.length > 0) {
    const taken = waiting
    waiting = []
    let committed: Promise<boolean> | undefined
    for (const { body } of taken) committed = entries.put(++last, body)
    await committed
    await env.flushed
    for (const { response } of taken) {
      response.writeHead(202, { 'content-type': 'application/json' })
      response.end('{"accepted":1}')
    }
  }
  isCommitting = false
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('end', () => {
    waiting.push({ body: Buffer.concat(chunks), response })
    if (!isCommitting) void commit()
  })
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number }
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }))
})
process.on('SIGTERM', () => {
  rmSync(folder, { recursive: true })
  process.exit(0)
})
