import { join } from 'node:path'
import type { CallExpression, Identifier, Node, SourceFile } from 'typescript/unstable/ast'
import {
  isArrowFunction,
  isBlock,
  isCallExpression,
  isIdentifier,
  isPropertyAccessExpression,
  isStringLiteral,
  isVariableDeclaration,
} from 'typescript/unstable/ast/is'
import { API, type Checker, type Project } from 'typescript/unstable/sync'
import { ROOT } from './imports.ts'

/** A call of code that is not scanned and comes back later: a process may die before and after. */
export interface Awaited {
  /** `src/log/trimming.ts:14` */
  place: string
  call: string
  /** the step that it is the work of; null: none */
  step: string | null
}

/** Rooms whose promises only wait in memory: for a timer, or for work that is handed over and scanned where it stands. */
const IN_MEMORY = [
  'src/time.ts',
  'src/retry.ts',
  'src/mongodb/outcome.ts',
  'src/observe/steps.ts',
  'src/observe/traces.ts',
]
const LATER = /(^|\| )(Promise|PromiseLike|AsyncIterable|AsyncIterableIterator|AsyncGenerator)</
const HANDED_OVER = /=> (Promise|AsyncIterable|AsyncGenerator)</
const STEPS = ['step', 'eachStep']

/** Reads the types of the project; `instead` are texts of files as they are not on the disk. */
export function openProject(instead: Record<string, string> = {}): { project: Project; close(): void } {
  const texts = new Map(Object.entries(instead).map(([file, text]) => [join(ROOT, file), text]))
  const api = new API({ cwd: ROOT, fs: { readFile: path => texts.get(path) } })
  const [project] = api.updateSnapshot({ openProjects: [join(ROOT, 'tsconfig.json')] }).getProjects()
  return { project: project!, close: () => api.close() }
}

/** All calls in these files that come back later, but for those of each other's functions. */
export function awaitedIn({ program, checker }: Project, files: readonly string[]): Awaited[] {
  const own = new Set(files.map(file => join(ROOT, file)))
  const inMemory = new Set(IN_MEMORY.map(file => join(ROOT, file)))
  return files.flatMap(file => {
    const source = program.getSourceFile(join(ROOT, file))!
    const found: Awaited[] = []
    const visit = (node: Node): void => {
      if (isCallExpression(node) ? isForeign(node, checker, own, inMemory) : isHandedOver(node, checker)) {
        const line = source.text.slice(0, node.getStart(source)).split('\n').length
        found.push({ place: `${file}:${line}`, call: shown(node, source), step: stepOf(node, source) })
      }
      node.forEachChild(visit)
    }
    visit(source)
    return found
  })
}

/** True for a call that comes back later, and neither waits in memory alone nor runs what is scanned itself. */
function isForeign(call: CallExpression, checker: Checker, own: Set<string>, inMemory: Set<string>): boolean {
  const type = checker.getTypeAtLocation(call)
  if (!type || !LATER.test(checker.typeToString(type))) return false
  const declared = checker.getResolvedSignature(call)?.declaration
  if (!declared) return true
  if (inMemory.has(declared.path) || isOfTheLanguage(declared.path)) return false
  return !(own.has(declared.path) && hasBody(declared.resolve()))
}

/** True for a method of something else that comes back later and is given to a call as it is: `retry(log.close, …)`. */
function isHandedOver(node: Node, checker: Checker): boolean {
  if (!isPropertyAccessExpression(node) || !isCallExpression(node.parent)) return false
  if (node.parent.expression === node || isStep(node.parent)) return false
  const type = checker.getTypeAtLocation(node)
  return type !== undefined && HANDED_OVER.test(checker.typeToString(type))
}

/** Promise.all, then and their like: the promises that they join are counted each. */
const isOfTheLanguage = (path: string): boolean => /\/lib\.es[^/]*\.d\.ts$/.test(path)

const hasBody = (node: Node | undefined): boolean => (node as { body?: Node } | undefined)?.body !== undefined

/** The name of the step whose work is this call alone; a function that is named first may be used for nothing else. */
function stepOf(call: Node, source: SourceFile): string | null {
  for (let node: Node = call; node.parent; node = node.parent) {
    const { parent } = node
    if (isArrowFunction(node) && isBlock(node.body)) return null
    if (isArrowFunction(node) && isVariableDeclaration(parent) && isIdentifier(parent.name)) {
      const [name, ...others] = usesOf(parent.name).map(use => stepAround(use, source))
      return name !== undefined && others.length === 0 ? name : null
    }
    if (isCallExpression(parent) && parent.expression !== node && isStep(parent)) return nameOf(parent, source)
  }
  return null
}

function stepAround(node: Node, source: SourceFile): string | null {
  for (let { parent } = node; parent; { parent } = parent) {
    if (isCallExpression(parent) && isStep(parent)) return nameOf(parent, source)
  }
  return null
}

/** Uses of a constant in the block that it is declared in. */
function usesOf(name: Identifier): Node[] {
  const found: Node[] = []
  const visit = (node: Node): void => {
    if (isIdentifier(node) && node.text === name.text && node !== name) found.push(node)
    node.forEachChild(visit)
  }
  visit(name.parent.parent.parent.parent)
  return found
}

const isStep = ({ expression }: CallExpression): boolean => isIdentifier(expression) && STEPS.includes(expression.text)

function nameOf(call: CallExpression, source: SourceFile): string {
  const [, name] = call.arguments
  return name && isStringLiteral(name) ? name.text : `(no name in ${shown(call, source)})`
}

/** The names of all steps in these files, as often as they stand there. */
export function stepsIn({ program }: Project, files: readonly string[]): string[] {
  return files.flatMap(file => {
    const source = program.getSourceFile(join(ROOT, file))!
    const found: string[] = []
    const visit = (node: Node): void => {
      if (isCallExpression(node) && isStep(node)) found.push(nameOf(node, source))
      node.forEachChild(visit)
    }
    visit(source)
    return found
  })
}

const shown = (node: Node, source: SourceFile): string => node.getText(source).replace(/\s+/g, ' ').slice(0, 80)
