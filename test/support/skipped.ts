import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

interface Skipped {
  what: string
  /** variables without which it is skipped */
  wants: string[]
  /** on the PATH it does as well */
  program?: string
}

const ALL: Skipped[] = [
  { what: 'the replays of real weeks', wants: ['ROLLCALL_TEST_LOGS'] },
  { what: 'the suites on NATS JetStream', wants: ['ROLLCALL_TEST_NATS_SERVER'], program: 'nats-server' },
  { what: 'the suites on Redis', wants: ['ROLLCALL_TEST_REDIS_SERVER'], program: 'redis-server' },
  {
    what: 'the suites on MongoDB (or ROLLCALL_TEST_MONGOD, or ROLLCALL_TEST_MONGODB_URL)',
    wants: ['ROLLCALL_TEST_FERRETDB', 'ROLLCALL_TEST_DOCUMENTDB'],
    program: 'mongod',
  },
  { what: 'the suites on Prometheus', wants: ['ROLLCALL_TEST_PROMETHEUS'], program: 'promtool' },
  { what: 'channels through Pusher itself', wants: ['PUSHER_APP_ID', 'PUSHER_KEY', 'PUSHER_SECRET', 'PUSHER_CLUSTER'] },
  {
    what: 'push through Firebase itself',
    wants: ['FIREBASE_PROJECT_ID', 'FIREBASE_CLIENT_EMAIL', 'FIREBASE_PRIVATE_KEY', 'FIREBASE_TEST_REGISTRATION'],
  },
]

const isOnPath = (program: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some(folder => existsSync(join(folder, program)))

/** Says at the end of a run which tests were skipped for want of something, and how to run them. */
export function teardown(): void {
  for (const { what, wants, program } of ALL) {
    if (wants.every(name => process.env[name]) || (program && isOnPath(program))) continue
    const place = program ? `, or ${program} on the PATH,` : ''
    console.log(`\nSkipped: ${what}. With ${wants.join(', ')} in the environment${place} npm test runs them.`)
  }
}
