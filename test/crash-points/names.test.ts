import { globSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { STEPS } from '../../src/observe/steps.ts'
import { type Awaited, awaitedIn, openProject, stepsIn } from '../support/awaited.ts'
import { ROOT, textOf } from '../support/imports.ts'

/** All work that has to survive a crash: a file that comes into one of these rooms is looked at, too. */
const ROOMS = [
  'src/{partition,effects,receivers,ownership,repair,recompute,recomputation}/*.ts',
  ...['src/log/trimming.ts', 'src/audience/sums.ts', 'src/shard/recomputing.ts'],
]

/** Files of these rooms in which nothing survives a crash, and why. */
const OTHERS: Record<string, string[]> = {
  'loads into memory what a step asks for (`prepare`, `claim.presence`), or what somebody wants to see': [
    ...['prepare', 'residents', 'parking', 'partition', 'listing', 'population'].map(
      name => `src/partition/${name}.ts`,
    ),
  ],
  'tells others behind the commits, and anew after a crash': [
    ...['attendance', 'live-copies', 'presence', 'updates'].map(name => `src/partition/${name}.ts`),
  ],
  'asks an owner, answers for one, or waits to be one': [
    ...['answer-parts', 'candidacy', 'directory', 'index', 'link', 'local', 'peek', 'questions', 'remote'],
    ...['responder', 'shard-states', 'standing', 'waits'],
  ].map(name => `src/ownership/${name}.ts`),
  'opens and closes the parts whose work has steps': ['src/ownership/tenure.ts', 'src/receivers/open.ts'],
}

/** Calls that need no step, and why. */
const EXEMPT: { file: RegExp; call: RegExp; why: string }[] = [
  { file: /./, call: /\.close\(\)$/, why: 'ends with the process anyway' },
  {
    file: /^src\/receivers\//,
    call: /documents\.(find|get)\(/,
    why: 'reads between the points of an effect, or of what the receiver writes next',
  },
  { file: /history\.ts|lane\.ts/, call: /^this\.#(untilDone|perform)\(/, why: 'calls back what is scanned elsewhere' },
  { file: /trimming\.ts/, call: /^keptUntil\(partition\)/, why: 'calls back what has steps of its own' },
  { file: /processor\.ts/, call: /^log\.append\(number, \[event\]\)/, why: 'is the work of the step `answer`' },
  { file: /processor\.ts/, call: /^countActors\(/, why: 'reads alone, and anew after a crash' },
  { file: /processor\.ts/, call: /attendance\(|presence\(|\.published\(\)/, why: 'tells others behind the commits' },
]

const all = ROOMS.flatMap(room => globSync(room, { cwd: ROOT })).sort()
const others = Object.values(OTHERS).flat()
const files = all.filter(file => !others.includes(file))
const isExempt = ({ place, call }: Awaited): boolean =>
  EXEMPT.some(each => each.file.test(place.split(':')[0]!) && each.call.test(call))
const unnamed = (found: Awaited[]): string[] =>
  found.filter(each => each.step === null && !isExempt(each)).map(({ place, call }) => `${place} ${call}`)

describe('work that has to survive a crash', () => {
  const { project, close } = openProject()
  afterAll(close)
  const found = awaitedIn(project, files)

  test('waits for nothing that outlives the process but in a step', () => {
    expect(unnamed(found)).toEqual([])
  })

  test('has each step at one place, and names no other', () => {
    expect(stepsIn(project, files).sort()).toEqual([...STEPS].sort())
  })

  test('does one thing that outlives the process in a step', () => {
    const named = found.flatMap(({ step }) => step ?? [])
    expect(named.filter((step, i) => named.indexOf(step) !== i)).toEqual([])
  })

  test('is in no file that is not there, and no call is excused that is none', () => {
    expect(others.filter(file => !all.includes(file))).toEqual([])
    const excused = (each: (typeof EXEMPT)[number]): boolean =>
      found.some(({ place, call, step }) => step === null && each.file.test(place) && each.call.test(call))
    expect(EXEMPT.filter(each => !excused(each))).toEqual([])
  })
})

describe('the search for calls without a step', () => {
  const FILE = 'src/partition/projections.ts'
  const FOUND = {
    'an await': 'async (d: DocumentStore) => { await d.get("users", "u") }',
    'what is returned': '(d: DocumentStore) => d.get("users", "u")',
    'what nobody waits for': '(d: DocumentStore): void => { d.get("users", "u").then(() => {}) }',
    'things that come one by one':
      'async (d: DocumentStore) => { for await (const _ of d.seqs("users", "_id")) break }',
    'more than a call in a step': '(d: DocumentStore) => step(undefined, "upsert", 0, async () => { await d.close() })',
    'what is handed over as it is': '(d: DocumentStore) => [0].map(d.close)',
    'what is used also outside of one':
      '(d: DocumentStore) => { const end = () => d.close(); step(undefined, "upsert", 0, end); return end() }',
  }
  const NOT_FOUND = {
    'the work of a step': '(d: DocumentStore) => step(undefined, "upsert", 0, () => d.get("users", "u"))',
    'a function of such a file': '(d: DocumentStore) => project(d, [], 1)',
  }
  const codes = [...Object.values(FOUND), ...Object.values(NOT_FOUND)]
  const text = [textOf(FILE).trimEnd(), ...codes.map((code, i) => `export const more${i} = ${code}`)].join('\n')
  const { project, close } = openProject({ [FILE]: text })
  afterAll(close)
  const places = awaitedIn(project, files).flatMap(({ place, step }) => (step === null ? [place] : []))
  const placeOf = (code: string): string => `${FILE}:${text.split('\n').findIndex(line => line.endsWith(code)) + 1}`

  test.each(Object.entries(FOUND))('finds %s', (_, code) => expect(places).toContain(placeOf(code)))

  test.each(Object.entries(NOT_FOUND))('passes over %s', (_, code) => expect(places).not.toContain(placeOf(code)))
})
