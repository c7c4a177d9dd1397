import PusherClient from 'pusher-js'
import type { ChannelEvent } from '../../src/notify/index.ts'
import type { FakePusher } from './fake-pusher.ts'

// The package is CommonJS, and the class itself; its types say otherwise.
export const Client = PusherClient as unknown as typeof PusherClient.default
export type Client = InstanceType<typeof Client>

/** To the fake in the place of Pusher. */
export const optionsFor = ({ host: wsHost, port: wsPort }: FakePusher) => ({
  ...{ cluster: 'local', wsHost, wsPort, forceTLS: false },
  enabledTransports: ['ws' as const],
})

/** A browser of one user: what it heard on a channel, or null where it was refused. */
export class Browser {
  readonly heard: ChannelEvent[] = []
  readonly #client: Client

  constructor(fake: FakePusher, rollcallUrl: string, userId: string) {
    this.#client = new Client(fake.settings.key, {
      ...optionsFor(fake),
      channelAuthorization: { endpoint: `${rollcallUrl}/pusher/auth`, transport: 'ajax', params: { user_id: userId } },
    })
  }

  /** Resolves with whether it was let in. */
  join(name: string): Promise<boolean> {
    const channel = this.#client.subscribe(name)
    channel.bind_global((event: string, data: Record<string, unknown>) => {
      if (!event.startsWith('pusher:')) this.heard.push({ channel: name, name: event, data })
    })
    return new Promise(resolve => {
      channel.bind('pusher:subscription_succeeded', () => resolve(true))
      channel.bind('pusher:subscription_error', () => resolve(false))
    })
  }

  get names(): string[] {
    return this.heard.map(({ name }) => name)
  }

  close(): void {
    this.#client.disconnect()
  }
}
