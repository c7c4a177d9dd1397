import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

export const ROOT = new URL('../..', import.meta.url).pathname

export interface Import {
  from: string
  /** a file of the project, or the name of a package */
  to: string
}

const STATIC = /^(?:import|export)\s+(?:type\s+)?(?:[\w$*{}\s,]+?\s*from\s*)?'([^']+)'/gm
const DYNAMIC = /\bimport\(\s*'([^']+)'\s*\)/g

/** The text of a file of the project. */
export const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/** All that a file imports, types too. */
export function importsOf(from: string): Import[] {
  const text = textOf(from)
  return [...text.matchAll(STATIC), ...text.matchAll(DYNAMIC)].map(([, specifier]) => ({
    from,
    to: specifier!.startsWith('.') ? normalize(join(dirname(from), specifier!)) : specifier!,
  }))
}
