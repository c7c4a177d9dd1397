/** In the place of an id: whoever may publish there may speak for everybody. */
export const SERVICE = '_'

/**
 * An id as one token of a NATS subject: as it is, or `~` and base64url where it has characters a token has no place for,
 * or would be the token of services.
 */
export const tokenOf = (id: string): string =>
  /^[A-Za-z0-9_-]+$/.test(id) && id !== SERVICE ? id : `~${Buffer.from(id).toString('base64url')}`

export const idOf = (token: string): string =>
  token.startsWith('~') ? Buffer.from(token.slice(1), 'base64url').toString() : token

/** An answer may go to an inbox alone: it goes with Rollcall's own rights, which the sender may not have elsewhere. */
export const isInbox = (reply: string): boolean => /^_INBOX[._]/.test(reply)
