/** A fault put into our own code, and the test that has to see it. */
export interface Mutation {
  name: string
  file: string
  from: string
  to: string
  /** a file of tests, and the name of one of them; null: 300 histories of `test/simulation` */
  seenBy: { file: string; test: string } | null
}

const COMMITTER = 'src/partition/committer.ts'

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'skip the fence',
    file: 'src/checkpoint/embedded/manifests.ts',
    from: "if (own?.epoch !== epoch) throw new RollcallError('RC_FENCED')",
    to: "if (!own) throw new RollcallError('RC_FENCED')",
    seenBy: { file: 'test/contract/checkpoint-embedded.test.ts', test: 'fenced' },
  },
  {
    name: 'acknowledge before the flush',
    file: 'src/log/embedded/writer.ts',
    from: 'await this.#tables.add(added)\n      await this.#env.flushed',
    to: 'await this.#tables.add(added)',
    seenBy: { file: 'test/contract/event-log-embedded.test.ts', test: 'rejects what it could not flush' },
  },
  {
    name: 'tear the cut',
    file: COMMITTER,
    from: 'const cut = partition.take()\n',
    to: 'const cut = partition.take()\n    await this.#options.time.sleep(2)\n    cut.seq = partition.applied\n',
    seenBy: null,
  },
  {
    name: 'drop the dedupe',
    file: 'machines/visits.ts',
    from: 'if (ids.has(id)) return true',
    to: 'if (ids.has(id)) return false',
    seenBy: { file: 'test/web-sessions.test.ts', test: 'an event with a known id changes nothing' },
  },
  {
    name: 'mark before perform',
    file: 'src/effects/performer.ts',
    from: 'const performed = await this.#untilPerformed(effect)',
    to: 'this.#options.done(effect)\n    const performed = await this.#untilPerformed(effect)',
    seenBy: null,
  },
  {
    name: "forget the run's end",
    file: 'actors/viewer.ts',
    from: 'else if (run.written !== run.end) {',
    to: 'else if (run.written > run.end) {',
    seenBy: {
      file: 'test/ticks.test.ts',
      test: 'says how it ended also if a beat of hours later is the next there is',
    },
  },
  {
    name: 'count a beat twice',
    file: 'actors/viewer.ts',
    from: 'if (before.last === null) tally.attended(userId, null)',
    to: 'tally.attended(userId, null)',
    seenBy: null,
  },
  {
    name: 'take the tick of an older epoch',
    file: 'src/partition/clock.ts',
    from: 'if (epoch !== clock.epoch) return false\n',
    to: '',
    seenBy: { file: 'test/ticks.test.ts', test: 'of an epoch before the newest claim in the log changes nothing' },
  },
  {
    name: 'delete before write',
    file: 'src/partition/projections.ts',
    from: 'await Promise.all([...upserts].map(upsert))\n  await Promise.all([...removes]',
    to: 'queueMicrotask(() => void Promise.all([...upserts].map(upsert)))\n  await Promise.all([...removes]',
    seenBy: null,
  },
  {
    name: 'trust a lapsed lease',
    file: 'src/ownership/lease.ts',
    from: "if (matchedCount === 0) throw new RollcallError('RC_FENCED')",
    to: 'if (matchedCount < 0) throw new RollcallError("RC_FENCED")',
    seenBy: { file: 'test/lease.test.ts', test: 'is lost to another process that took it' },
  },
  {
    name: 'let an effect leave the outbox before its account is written',
    file: 'src/effects/performer.ts',
    from: "await step(this.#steps, 'account', effect, () => history.write(account))\n",
    to: "done(effect)\n    await step(this.#steps, 'account', effect, () => history.write(account))\n",
    seenBy: null,
  },
  {
    name: 'forget documents that may not have been written',
    file: 'src/partition/processor.ts',
    from: 'await project(documents, writes, seq, steps)\n',
    to: '{}\n',
    seenBy: null,
  },
  {
    name: 'lose the pulses before a transition',
    file: 'src/partition/pulses.ts',
    from: '    resident.settle()\n',
    to: '    resident.stay = null\n',
    seenBy: { file: 'test/pulses.test.ts', test: 'pulses come to what the machine would have made of them' },
  },
]
