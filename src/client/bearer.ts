import type { Kept, WebEvent } from './record.ts'

/** Whom a token speaks for, as it says itself: the server alone verifies it. */
export interface Bearer {
  token: string
  /** empty: nobody */
  user: string
  isService: boolean
  /** of its web events, where they name none */
  visitor: string | undefined
}

export type Token = string | (() => string | Promise<string>)

const SAME_MS = 1_000

function bearerOf(token: string): Bearer {
  const { sub, scope, visitor } = claims(token)
  const user = typeof sub === 'string' ? sub : ''
  const scopes = Array.isArray(scope) ? scope : String(scope ?? '').split(' ')
  const isService = scopes.includes('service') || scopes.includes('operator')
  return { token, user, isService, visitor: typeof visitor === 'string' ? visitor : user ? `u/${user}` : undefined }
}

function claims(token: string): Record<string, unknown> {
  try {
    const text = atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))
    return Object(JSON.parse(new TextDecoder().decode(Uint8Array.from(text, char => char.charCodeAt(0)))))
  } catch {
    // A token that cannot be read here names nobody; the server judges it.
    return {}
  }
}

/** Another user's token never sends a record, nor drops it: on a shared device it waits until its user is back. */
export function isOf({ user, record }: Kept, bearer: Bearer): boolean {
  if (user !== '') return user === bearer.user
  const { userId, sessionId } = record as WebEvent
  return bearer.user === '' || bearer.isService || userId === bearer.user || sessionId === `u/${bearer.user}`
}

type Take = (bearer: Bearer) => void

interface Asked {
  at: number
  answer: Promise<Bearer>
  bearer?: Bearer
  takers: Take[]
}

/** Asks for the token before each request, and when a record is made, which is its user's from then on. */
export class Bearers {
  readonly #token: Token
  readonly #now: () => number
  #last: Bearer | undefined
  /** for records, and not yet taken by a request */
  #asked: Asked | undefined
  /** there was no token for them */
  #left: Take[] = []

  constructor(token: Token, now: () => number) {
    this.#token = token
    this.#now = now
    if (typeof token === 'string') this.#last = bearerOf(token)
  }

  /** Undefined until the first token is there. */
  get last(): Bearer | undefined {
    return this.#last
  }

  /** Rejects where no token is to be had. */
  forRequest(): Promise<Bearer> {
    const asked = this.#asked
    this.#asked = undefined
    return (asked && this.#isFresh(asked) ? asked : this.#ask()).answer
  }

  /** Says whose a record is that is made now: at once if the token is there at once, else when there is one. */
  forRecord(userId: string | undefined, take: Take): void {
    const last = this.#asked
    const isOther = userId !== undefined && last?.bearer !== undefined && last.bearer.user !== userId
    const asked = last && this.#isFresh(last) && !isOther ? last : this.#ask()
    this.#asked = asked
    if (asked.bearer) take(asked.bearer)
    else asked.takers.push(take)
  }

  #isFresh({ at }: Asked): boolean {
    return Math.abs(this.#now() - at) <= SAME_MS
  }

  #ask(): Asked {
    const token = this.#call()
    const asked: Asked = { at: this.#now(), answer: Promise.resolve(token).then(told.bind(this)), takers: [] }
    if (typeof token === 'string') asked.bearer = this.#know(token)
    // Records without a token wait for the next one; a request that takes this answer fails by itself.
    asked.answer.catch(() => {
      this.#left.push(...asked.takers)
      if (this.#asked === asked) this.#asked = undefined
    })
    function told(this: Bearers, text: string): Bearer {
      asked.bearer ??= this.#know(text)
      for (const take of asked.takers) take(asked.bearer)
      return asked.bearer
    }
    return asked
  }

  #call(): string | Promise<string> {
    if (typeof this.#token === 'string') return this.#token
    try {
      return this.#token()
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #know(text: string): Bearer {
    const bearer = bearerOf(text)
    this.#last = bearer
    for (const take of this.#left.splice(0)) take(bearer)
    return bearer
  }
}
