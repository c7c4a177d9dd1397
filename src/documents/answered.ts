import type { Document } from './index.ts'

/** Documents as they are answered: `id` for `_id`, nothing that is only Rollcall's business. */

export const withId = ({ _id, ...fields }: Document): Record<string, unknown> => ({ id: _id, ...fields })

export function sessionOf(document: Document): Record<string, unknown> {
  const { _id, createdBy: _by, ordinal: _n, viewersAt: _at, changedAt: _changed, ...session } = document
  return { id: _id, ...session, metadata: { name: null, viewerCount: 0, ...(session.metadata as object | undefined) } }
}
