import type { z } from 'zod'
import { RollcallError } from '../../errors.ts'
import { jsonOf, problemOf, shaped } from './answer.ts'

/** A running server that is asked. */
export interface Server {
  url: string
  token: string | undefined
}

interface How {
  /** statuses of refusals that are answers all the same */
  answers?: readonly number[]
  /** aborted, nobody waits for the answer any more */
  signal?: AbortSignal
}

const PATIENCE_MS = 30_000
/** Characters of a message of an event stream; a frame has far fewer. */
const MOST_OF_MESSAGE = 4 * 2 ** 20

/** The answer, which has the shape. Throws what the server says, or that none answers there. */
export async function ask<T>(server: Server, path: string, shape: z.ZodType<T>, how: How = {}): Promise<T> {
  const late = AbortSignal.timeout(PATIENCE_MS)
  const response = await asked(server, path, how.signal ? AbortSignal.any([late, how.signal]) : late)
  const said = await saidIn(response, server)
  const isAnswer = response.ok || (how.answers?.includes(response.status) && said && !problemOf(said).code)
  if (!isAnswer) throw refusalIn(said, response)
  return shaped(shape, said, response.url)
}

/** An answer that goes on. */
export async function open(server: Server, path: string): Promise<Response> {
  const response = await asked(server, path)
  if (response.ok) return response
  throw refusalIn(await saidIn(response, server), response)
}

function asked({ url, token }: Server, path: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}${path}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(signal && { signal }),
  }).catch((cause: Error) => {
    throw new RollcallError('RC_UNREACHABLE', `No answer from ${url}: ${reasonOf(cause)}`, { cause })
  })
}

const saidIn = (response: Response, { token }: Server): Promise<unknown> =>
  jsonOf(response, token).catch((cause: Error) => {
    const reason = reasonOf(cause)
    throw new RollcallError('RC_UNREACHABLE', `The answer of ${response.url} broke off: ${reason}`, { cause })
  })

function refusalIn(said: unknown, { url, status }: Response): RollcallError {
  const { code, message, faults } = problemOf(said)
  if (!code) return new RollcallError('RC_UNREACHABLE', `${url} answered ${status}, not as Rollcall does`)
  const help = code === 'RC_UNAUTHENTICATED' ? ' --token or ROLLCALL_TOKEN gives one.' : ''
  return new RollcallError(code, `${message ?? ''}${help}`, faults && { faults })
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
    if (text.length > MOST_OF_MESSAGE)
      throw new RollcallError('RC_UNREACHABLE', `${response.url} did not answer as Rollcall does`)
    for (const part of parts) {
      const fields = new Map(part.split('\n').map(line => [line.split(':')[0]!, line.replace(/^[^:]*: ?/, '')]))
      const data = fields.get('data')
      if (data !== undefined) yield { event: fields.get('event') ?? 'message', data }
    }
  }
}
