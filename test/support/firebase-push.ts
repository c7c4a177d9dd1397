/** Push through the SDK against the fake of Firebase, by either version of HTTP. */
import { vi } from 'vitest'
import { type FirebaseSettings, openFirebase } from '../../src/notify/firebase.ts'
import type { Push, Registration } from '../../src/notify/index.ts'
import { systemTime } from '../../src/time.ts'
import { type FakeFirebase, startFakeFirebase } from './fake-firebase.ts'
import './to-fake-firebase.ts'

export const VERSIONS = ['1.1', '2.0'] as const

export interface FirebasePush {
  fake: FakeFirebase
  settings: FirebaseSettings
  push: Push
  close(): Promise<void>
}

export async function openFirebasePush(version: (typeof VERSIONS)[number], time = systemTime): Promise<FirebasePush> {
  const fake = await startFakeFirebase()
  const { agent, ...others } = fake.settings
  vi.stubEnv('FAKE_FIREBASE_PORT', version === '1.1' ? '' : `${fake.port}`)
  const settings = version === '1.1' ? { ...others, agent } : others
  const push = await openFirebase({ ...settings, time })
  const close = async (): Promise<void> => {
    vi.useRealTimers()
    await push.close()
    await fake.close()
    vi.unstubAllEnvs()
  }
  return { fake, settings, push, close }
}

export const fid = (value: string): Registration => ({ kind: 'fid', value })
export const token = (value: string): Registration => ({ kind: 'token', value })
