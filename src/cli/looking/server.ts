import { ERRORS, type ErrorCode, type Fault, RollcallError } from '../../errors.ts'

/** A running server that is asked. */
export interface Server {
  url: string
  token: string | undefined
}

const PATIENCE_MS = 30_000

/**
 * The answer as JSON, also with a status that is in `answers`. Throws what the server says, or that none answers there.
 */
export async function ask<T>(server: Server, path: string, answers: readonly number[] = []): Promise<T> {
  const response = await asked(server, path, AbortSignal.timeout(PATIENCE_MS))
  const said = await saidIn(response)
  if (!response.ok && !(answers.includes(response.status) && said && !said.code)) throw refusalIn(said, response)
  if (said === null) throw new RollcallError('RC_UNREACHABLE', `${response.url} did not answer as Rollcall does`)
  return said as T
}

/** An answer that goes on. */
export async function open(server: Server, path: string): Promise<Response> {
  const response = await asked(server, path)
  if (response.ok) return response
  throw refusalIn(await saidIn(response), response)
}

function asked({ url, token }: Server, path: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}${path}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(signal && { signal }),
  }).catch((cause: Error) => {
    throw new RollcallError('RC_UNREACHABLE', `No answer from ${url}: ${reasonOf(cause)}`, { cause })
  })
}

/** Null: what came is no JSON of an object. */
async function saidIn(response: Response): Promise<{ code?: unknown } | null> {
  try {
    const said = await response.json()
    return typeof said === 'object' ? said : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw new RollcallError('RC_UNREACHABLE', `The answer of ${response.url} broke off: ${reasonOf(error as Error)}`, {
      cause: error,
    })
  }
}

function refusalIn(said: unknown, { url, status }: Response): RollcallError {
  const { code, message, faults } = (said ?? {}) as { code?: ErrorCode; message?: string; faults?: Fault[] }
  if (!code || !Object.hasOwn(ERRORS, code))
    return new RollcallError('RC_UNREACHABLE', `${url} answered ${status}, not as Rollcall does`)
  const help = code === 'RC_UNAUTHENTICATED' ? ' --token or ROLLCALL_TOKEN gives one.' : ''
  return new RollcallError(code, `${message}${help}`, faults && { faults })
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
