import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { followLog } from '../../src/log/embedded/follower.ts'

/** Follows a log in a thread: says `ready`, posts each entry of partition 0 it reads, and appends each event it is sent; null ends it. */
const { path, port } = workerData as { path: string; port: MessagePort }
const log = await followLog(path, port)
parentPort!.on('message', async event => {
  if (event === null) process.exit()
  parentPort!.postMessage({ seq: await log.append(0, [event]) })
})
parentPort!.postMessage('ready')
for await (const entries of log.read(0, 0)) for (const entry of entries) parentPort!.postMessage({ entry })
