import { registerHooks } from 'node:module'

/** Takes what is counted for `/metrics` out of the files that a beat comes through, for Node's `--import`. */
const COUNTS: [file: string, statements: RegExp, how: number][] = [
  ['src/partition/hearing.ts', /^ +this\.#pulses\.n\+\+$/gm, 1],
  ['src/partition/transitions.ts', /^ +count\.n\+\+$/gm, 1],
  ['src/partition/awake.ts', /^ +this\.#passivations\.n\+\+$/gm, 1],
  ['src/partition/slices.ts', /^ +(spent\.n \+= .*|events \+= .*|meter\..*)$/gm, 4],
  ['src/partition/committer.ts', /^ +partition\.meter\..*$/gm, 3],
  ['src/documents/table.ts', /^ +written\(.*\)$/gm, 2],
]
const missing = new Set(COUNTS.map(([file]) => file))

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    const [file, statements, how] = COUNTS.find(([file]) => url.endsWith(`/${file}`)) ?? []
    if (!file || !statements) return loaded
    const source = String(loaded.source)
    const found = source.match(statements)?.length ?? 0
    if (found !== how) throw new Error(`${file} counts ${found} times, and not ${how}`)
    missing.delete(file)
    return { ...loaded, source: source.replace(statements, '') }
  },
})

process.on('exit', () => {
  if (missing.size > 0) throw new Error(`not loaded: ${[...missing].join(', ')}`)
})
