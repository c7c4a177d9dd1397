export interface Finding {
  check: string
  state: 'ok' | 'warning' | 'wrong'
  text: string
}

export const message = (error: unknown): string => (error instanceof Error ? error.message : String(error))
