/** Questions to the server, of this page and the first one: with the operator's token, if there is one, which stays in this tab. */
const BASE = new URL('../', import.meta.url)
const KEPT = 'rollcall-token'
/** Characters of one message: a server that sends more without an end is cut off. */
const LONGEST = 4_000_000
const SILENT_MS = 30_000

/** `status` 0: no answer came. */
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message)
    this.status = status
    this.code = code
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEPT),
  keep: text => sessionStorage.setItem(KEPT, text),
  forget: () => sessionStorage.removeItem(KEPT),
}

/** True if the server asks for a token, which it says without being asked for anything else. */
export async function asksToken() {
  const answer = await fetch(new URL('../inspect', BASE), { method: 'HEAD', cache: 'no-store' }).catch(() => null)
  return answer?.headers.get('rollcall-token') === 'operator'
}

async function answered(path, signal) {
  const kept = token.get()
  const headers = kept ? { authorization: `Bearer ${kept}` } : {}
  const answer = await fetch(new URL(path, BASE), { headers, signal, cache: 'no-store' }).catch(error => {
    if (signal?.aborted) throw error
    throw new Refusal(0, '', 'The server does not answer.')
  })
  if (answer.ok) return answer
  const body = await answer.json().catch(() => ({}))
  throw new Refusal(answer.status, body.code, body.message ?? answer.statusText)
}

export const askText = async (path, signal) => (await answered(path, signal)).text()
export const ask = async (path, signal) => (await answered(path, signal)).json()

export const pathOf = (kind, key) => `actors/${encodeURIComponent(kind)}/${encodeURIComponent(key)}`

/**
 * The messages of an event stream, `{event, data}`, until it ends. By fetch, since an `EventSource` sends no token.
 * `opened` is called once the server has attached.
 */
export async function* stream(path, signal, opened) {
  const ended = new AbortController()
  const any = AbortSignal.any([signal, ended.signal])
  const answer = await answered(path, any)
  opened()
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  // The server says something every ten seconds: one that is silent is gone.
  let silence = setTimeout(() => ended.abort(), SILENT_MS)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done || rest.length > LONGEST) return
      clearTimeout(silence)
      silence = setTimeout(() => ended.abort(), SILENT_MS)
      const blocks = (rest + value).split('\n\n')
      rest = blocks.pop()
      for (const block of blocks) {
        const message = messageOf(block)
        if (message?.event === 'error') throw new Refusal(answer.status, message.data.code, message.data.message)
        if (message) yield message
      }
    }
  } finally {
    clearTimeout(silence)
    ended.abort()
  }
}

function messageOf(block) {
  let [event, data] = ['message', '']
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) event = line.slice(6).trim()
    else if (line.startsWith('data:')) data += line.slice(5).trim()
  }
  return data === '' ? null : { event, data: JSON.parse(data) }
}

export const pause = (ms, signal) =>
  new Promise(resolve => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
