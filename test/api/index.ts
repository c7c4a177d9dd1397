import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { SignJWT } from 'jose'
import { startFakePusher } from '../support/fake-pusher.ts'
import { rollcall, Server, temporaryDirectory } from '../support/server.ts'

/**
 * Has a foreign client, schemathesis, hold a running server to its own document: first one without authentication that
 * has seen an evening, then one that asks for tokens.
 */
const CLIENT = process.env.ROLLCALL_TEST_SCHEMATHESIS ?? 'schemathesis'
const MOST_MS = 600_000
const SECRET = 'a secret of thirty-two characters'
const CONFIG = new URL('schemathesis.toml', import.meta.url).pathname

/** True if the client found nothing; its own output says more. */
async function holds(server: Server, phases: string, examples: number, token = 'none'): Promise<boolean> {
  const bounds = ['--phases', phases, '--max-examples', String(examples), '--max-failures', '20']
  const args = ['--config-file', CONFIG, '--no-color', 'run', `${await server.url}/openapi.json`, ...bounds]
  const env = { ...process.env, ROLLCALL_TEST_TOKEN: token }
  const client = spawn(CLIENT, args, { stdio: 'inherit', cwd: temporaryDirectory(), timeout: MOST_MS, env })
  const [code] = await once(client, 'exit')
  return code === 0
}

async function evening(server: Server): Promise<void> {
  const { port } = new URL(await server.url)
  const played = rollcall(['simulate', '--viewers=20', '--streamers=3', '--minutes=5'], { ROLLCALL_PORT: port })
  const [code] = await once(played, 'exit')
  if (code !== 0) throw new Error(`rollcall simulate ended with ${code}`)
}

const pusher = await startFakePusher()
const { appId, key, secret } = pusher.settings
const channels = {
  ...{ PUSHER_APP_ID: appId, PUSHER_KEY: key, PUSHER_SECRET: secret },
  ...{ PUSHER_HOST: pusher.host, PUSHER_PORT: String(pusher.port), PUSHER_TLS: 'false' },
}
let isHeld = true

const open = await new Server(channels, temporaryDirectory()).start()
await evening(open)
isHeld = (await holds(open, 'examples,coverage,fuzzing', 5)) && isHeld
await open.stop()

const auth = { ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_RATE_LIMIT: '1000000' }
const closed = await new Server({ ...channels, ...auth }, temporaryDirectory()).start()
const token = await new SignJWT({ sub: 'op', scope: 'operator' })
  .setProtectedHeader({ alg: 'HS256' })
  .setExpirationTime('1h')
  .sign(new TextEncoder().encode(SECRET))
isHeld = (await holds(closed, 'examples,fuzzing', 2, token)) && isHeld
await closed.stop()

await pusher.close()
process.exitCode = isHeld ? 0 : 1
