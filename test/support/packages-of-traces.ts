/** Preloaded by `node --import`, also into worker threads: writes into PACKAGES_FILE what each thread loads of OpenTelemetry. */
import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { threadId } from 'node:worker_threads'

const known = new Set<string>()

registerHooks({
  resolve(specifier, of, next) {
    const found = next(specifier, of)
    const name = /node_modules\/(@opentelemetry\/[^/]+)\//.exec(found.url)?.[1]
    if (name && !known.has(name)) appendFileSync(process.env.PACKAGES_FILE!, `${threadId} ${name}\n`)
    if (name) known.add(name)
    return found
  },
})
