/**
 * Preloaded by `node --import`, also into worker threads: ends the process by SIGKILL when the step DIE_AT of a commit
 * comes about for the DIE_AFTER-th time in a thread.
 */
import { isMainThread } from 'node:worker_threads'
import { History } from '../../src/effects/history.ts'
import { Outbox } from '../../src/effects/outbox.ts'
import { Partition } from '../../src/partition/partition.ts'

export type Step =
  | 'before the commit'
  | 'before the documents'
  | 'before the effects'
  | 'before an effect is written down'
  | 'before an effect is marked'

let left = Number(process.env.DIE_AFTER)

const at = (step: Step): void => {
  if (isMainThread || process.env.DIE_AT !== step) return
  left--
  if (left === 0) process.kill(process.pid, 'SIGKILL')
}

const { take, projected } = Partition.prototype
Partition.prototype.take = function () {
  if (this.outbox.hasFresh) at('before the commit')
  const cut = take.call(this)
  const { writes } = cut
  if (cut.effects.length === 0) return cut
  // They are asked for when the commit is durable.
  return Object.defineProperty(cut, 'writes', {
    get() {
      at('before the documents')
      return writes
    },
  })
}
Partition.prototype.projected = function (seq) {
  at('before the effects')
  projected.call(this, seq)
}

const { write } = History.prototype
History.prototype.write = function (account) {
  at('before an effect is written down')
  return write.call(this, account)
}

const { done } = Outbox.prototype
Outbox.prototype.done = function (id) {
  at('before an effect is marked')
  done.call(this, id)
}
