import { MOST_REGISTRATIONS, type Registration } from '../../src/notify/index.ts'
import { recordedPush } from '../../src/notify/recorded.ts'
import { pushContract } from './push.ts'

const registrations = Array.from(
  { length: MOST_REGISTRATIONS },
  (_, i): Registration => ({ kind: i % 2 ? 'fid' : 'token', value: `registration-${i}` }),
)

pushContract('recorded', 'recorded', async () => {
  const push = recordedPush()
  return { push, registrations, destroy: () => push.close() }
})
