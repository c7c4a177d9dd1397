import { createServer } from 'node:http'

/** The baseline: reads the body, parses nothing, keeps nothing, answers 202. */
const server = createServer((request, response) => {
  request.on('end', () => {
    response.writeHead(202, { 'content-type': 'application/json' })
    response.end('{"accepted":1}')
  })
  request.resume()
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number }
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }))
})
process.on('SIGTERM', () => process.exit(0))
