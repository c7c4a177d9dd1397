import { describe, expect, test } from 'vitest'
import { remoteOwner } from '../../src/ownership/remote.ts'
import { answering } from '../../src/ownership/responder.ts'
import { systemTime } from '../../src/time.ts'
import { natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { toldFaults } from '../support/time.ts'
import { ownerContract } from './owner.ts'

/** A message has less room than a long answer needs. */
const config = 'max_payload: 8192'

describe.skipIf(natsServerBinary() === null)('over NATS', () => {
  ownerContract('asked by another process', async shards => {
    const nats = await startNatsServer({ config })
    const faults = toldFaults()
    const [there, here] = [await nats.connect(), await nats.connect()]
    const answers = answering(there, shards.owner, { time: systemTime, faults })
    await there.flush()
    return {
      owner: remoteOwner(here),
      async close() {
        await answers.close()
        await Promise.all([there.close(), here.close()])
        await nats.stop()
        expect(faults.all).toEqual([])
      },
    }
  })

  test('an owner that is not there is none', async () => {
    const nats = await startNatsServer()
    const connection = await nats.connect()
    await expect(remoteOwner(connection).audience()).rejects.toMatchObject({ code: 'RC_NO_OWNER' })
    await connection.close()
    await nats.stop()
  })
})
