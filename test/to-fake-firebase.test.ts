import { spawn } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import { startFakeFirebase } from './support/fake-firebase.ts'
import { ended } from './support/server.ts'

const PRELOAD = new URL('support/to-fake-firebase.ts', import.meta.url)
const FIREBASE = new URL('../src/notify/firebase.ts', import.meta.url)

const send = (registration: string): string => `
  import('${FIREBASE}').then(async ({ openFirebase }) => {
    const { FIREBASE_PROJECT_ID, FIREBASE_CLIENT_EMAIL, FIREBASE_PRIVATE_KEY } = process.env
    const push = await openFirebase({
      projectId: FIREBASE_PROJECT_ID,
      clientEmail: FIREBASE_CLIENT_EMAIL,
      privateKey: FIREBASE_PRIVATE_KEY,
    })
    const message = { title: '', body: '', data: {}, collapseKey: '', expiresAt: 0 }
    await push.send(message, [{ kind: 'fid', value: '${registration}' }])
    await push.close()
  })`

test('a process led to the fake of Firebase sends to it from every thread, and then ends by itself', async () => {
  const fake = await startFakeFirebase()
  onTestFinished(fake.close)
  // A worker made of a string would get no preload.
  const worker = `data:text/javascript,${encodeURIComponent(send('worker'))}`
  const both = `new (require('node:worker_threads').Worker)(new URL(${JSON.stringify(worker)})); ${send('main')}`
  const child = spawn(process.execPath, ['-e', both], {
    env: { ...process.env, ...fake.env, FAKE_FIREBASE_PORT: `${fake.port}`, NODE_OPTIONS: `--import=${PRELOAD}` },
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  expect(await ended(child)).toEqual({ code: 0, stdout: '', stderr: '' })
  expect(fake.messages.map(({ fid }) => fid).sort()).toEqual(['main', 'worker'])
  expect(fake.versions).toEqual(['2.0', '2.0'])
})
