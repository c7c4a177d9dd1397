import type { Document } from '../documents/index.ts'

/** Documents as they are answered: `id` for `_id`, nothing that is only Rollcall's business. */

export const withId = ({ _id, ...fields }: Document): Record<string, unknown> => ({ id: _id, ...fields })

export function sessionOf({ _id, createdBy: _by, ordinal: _n, ...session }: Document): Record<string, unknown> {
  return { id: _id, ...session, metadata: { name: null, viewerCount: 0, ...(session.metadata as object | undefined) } }
}
