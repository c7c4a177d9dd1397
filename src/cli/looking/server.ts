import { ERRORS, type ErrorCode, type Fault, RollcallError } from '../../errors.ts'

/** A running server that is asked. */
export interface Server {
  url: string
  token: string | undefined
}

const PATIENCE_MS = 30_000

/** The answer as JSON. Throws what the server says, or that none answers there. */
export async function ask<T>(server: Server, path: string): Promise<T> {
  const response = await open(server, path, AbortSignal.timeout(PATIENCE_MS))
  return (await response.json()) as T
}

export async function open({ url, token }: Server, path: string, signal?: AbortSignal): Promise<Response> {
  const response = await fetch(`${url}${path}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(signal && { signal }),
  }).catch((cause: Error) => {
    throw new RollcallError('RC_UNREACHABLE', `No answer from ${url}: ${reasonOf(cause)}`, { cause })
  })
  if (response.ok) return response
  const said = await response.json().catch(() => null)
  const { code, message, faults } = (said ?? {}) as { code?: ErrorCode; message?: string; faults?: Fault[] }
  if (!code || !Object.hasOwn(ERRORS, code))
    throw new RollcallError('RC_UNREACHABLE', `${url}${path} answered ${response.status}, not as Rollcall does`)
  throw new RollcallError(code, message, faults && { faults })
}

const reasonOf = ({ cause, message }: Error): string => (cause as Error | undefined)?.message || message

/** The messages of an event stream, until it ends, however it does. */
export async function* messages(response: Response): AsyncGenerator<{ event: string; data: string }> {
  try {
    yield* read(response)
  } catch (error) {
    // A connection that is cut is the end of it.
    if (!(error instanceof TypeError)) throw error
  }
}

async function* read(response: Response): AsyncGenerator<{ event: string; data: string }> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const bytes of response.body!) {
    text += decoder.decode(bytes, { stream: true })
    const parts = text.split('\n\n')
    text = parts.pop()!
    for (const part of parts) {
      const fields = new Map(part.split('\n').map(line => [line.split(':')[0]!, line.replace(/^[^:]*: ?/, '')]))
      const data = fields.get('data')
      if (data !== undefined) yield { event: fields.get('event') ?? 'message', data }
    }
  }
}
