import type { Document } from './index.ts'

/** The document as it is answered: `id` for `_id`. */
export const withId = ({ _id, ...fields }: Document): Record<string, unknown> => ({ id: _id, ...fields })
