import type { KnownHolder } from '../observe/holder.ts'

export interface Finding {
  check: string
  state: 'ok' | 'warning' | 'wrong'
  text: string
  /** who owns the partitions, and how many entries no commit has yet; null: that cannot be told */
  owner?: KnownHolder & { lag: number | null }
}

export const message = (error: unknown): string => (error instanceof Error ? error.message : String(error))
