import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { basename, dirname, extname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { RollcallError } from '../../errors.ts'
import { hidden } from './reference/route.ts'

/** The ending of this program's own files: TypeScript in a checkout, JavaScript in the package. */
const ENDING = extname(import.meta.url)
const ENTRY = fileURLToPath(new URL(`../../inspect/fork${ENDING}`, import.meta.url))
const XSTATE = resolve(dirname(fileURLToPath(import.meta.resolve('xstate'))), 'xstate.esm.js')
const OWN = ['actors', 'machines']
const TYPE = 'text/javascript; charset=utf-8'
/** An import, or export of what another file exports; nothing else begins a line so. */
const SPECIFIER = /^((?:import|export)(?:[\s\w$*{},]*\bfrom)?\s*)(['"])([^'"]+)\2/gm

/**
 * The modules by which the page forks an actor: the machines as they are, and XState. They are found from the first one
 * on by what each imports, and named for the browser, which knows no packages.
 */
async function modules(): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const waiting = [ENTRY]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const own = nameOf(file)
    if (found.has(own)) continue
    const at = dirname(file)
    const text = (await javaScriptOf(file)).replace(SPECIFIER, (_, head: string, quote: string, specifier: string) => {
      const other = specifier === 'xstate' ? XSTATE : resolve(at, specifier)
      waiting.push(other)
      const path = relative(dirname(own), nameOf(other))
      return `${head}${quote}${path.startsWith('.') ? path : `./${path}`}${quote}`
    })
    found.set(own, text)
  }
  return found
}

/** The name of a file below `/inspect/page/`. */
function nameOf(file: string): string {
  const folder = basename(dirname(file))
  const name = basename(file).replace(/\.ts$/, '.js')
  return OWN.includes(folder) ? `${folder}/${name}` : dirname(file) === dirname(XSTATE) ? `xstate/${name}` : name
}

async function javaScriptOf(file: string): Promise<string> {
  const text = await readFile(file, 'utf8')
  return file.endsWith('.ts') ? stripTypeScriptTypes(text) : text.replace(/^\/\/# sourceMappingURL=.*$/m, '')
}

const part = hidden('anyone', 'a module that the inspector loads')

/** Routes of the modules, which are the same for everybody and hold nobody's data. */
export function inspectModuleRoutes(app: FastifyInstance): void {
  let made: Promise<Map<string, string>> | undefined
  const moduleOf = async (name: string): Promise<string> => {
    made ??= modules().catch(error => {
      made = undefined
      throw error
    })
    const text = (await made).get(name)
    if (text === undefined) throw new RollcallError('RC_NOT_FOUND')
    return text
  }
  for (const name of ['fork.js', 'edges.js'])
    app.get(`/inspect/page/${name}`, part, async (_request, reply) => {
      reply.type(TYPE)
      return moduleOf(name)
    })
  for (const folder of [...OWN, 'xstate'])
    app.get<{ Params: { file: string } }>(`/inspect/page/${folder}/:file`, part, async ({ params }, reply) => {
      reply.type(TYPE)
      return moduleOf(`${folder}/${params.file}`)
    })
}
