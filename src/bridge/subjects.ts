/** An id as one token of a NATS subject: as it is, or `~` and base64url where it has characters a token has no place for. */
export const tokenOf = (id: string): string =>
  /^[A-Za-z0-9_-]+$/.test(id) ? id : `~${Buffer.from(id).toString('base64url')}`

export const idOf = (token: string): string =>
  token.startsWith('~') ? Buffer.from(token.slice(1), 'base64url').toString() : token
