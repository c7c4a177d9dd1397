import { onTestFinished } from 'vitest'

export interface Told {
  event: string
  // biome-ignore lint/suspicious/noExplicitAny: data is whatever the server tells; the tests look inside
  data: any
}

/** The texts of a stream of events, once its first bytes are there; it ends with the test. */
export async function eventStream(url: string, headers: Record<string, string> = {}) {
  const abort = new AbortController()
  onTestFinished(() => abort.abort())
  const response = await fetch(url, { headers, signal: abort.signal })
  const told: Told[] = []
  const read = async (): Promise<void> => {
    let rest = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const messages = (rest + chunk).split('\n\n')
      rest = messages.pop()!
      for (const message of messages) {
        const [, event, data] = /^event: (.*)\ndata: (.*)$/s.exec(message) ?? []
        if (event !== undefined) told.push({ event, data: JSON.parse(data!) })
      }
    }
  }
  const ended = response.ok ? read() : Promise.resolve()
  ended.catch(() => {})
  return { status: response.status, headers: response.headers, told, ended, end: () => abort.abort() }
}
