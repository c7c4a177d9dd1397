import { type AnyMachineSnapshot, createActor, type Snapshot, StateMachine } from 'xstate'
import { type Compiled, compiled } from '../../actors/compiled.ts'
import type { ActorKind } from '../../actors/index.ts'
import { RollcallError } from '../errors.ts'
import { type Count, Meter } from '../observe/meter.ts'

/** An actor as it is. */
interface Live {
  kind: ActorKind
  snapshot: AnyMachineSnapshot
}

/** A snapshot as XState persists it: `createActor(machine, { snapshot })` takes it. */
export type PersistedSnapshot = Snapshot<unknown> & { value: unknown; context: object }

/** A snapshot as it is kept: `[version, state value, context without parts]`. */
export type KeptSnapshot = [version: number, value: unknown, head: unknown]

export interface Said {
  type: string
  [fact: string]: unknown
}

// The machine's own would ask of every event if it is whole; those that a kind of actor receives are.
const { transition } = StateMachine.prototype

/**
 * Runs machines without XState actors: one inert scope a kind, transition + snapshot are the actor.
 * Events a machine emits are collected; machines here do nothing else to the world.
 */
export class Transitions {
  /** whether what can be compiled is */
  protected readonly isCompiled: boolean = true
  readonly #scopes = new Map<ActorKind, Scope>()
  readonly #meter: Meter
  #said: Said[] = []

  constructor(meter = new Meter()) {
    this.#meter = meter
  }

  initial(kind: ActorKind): AnyMachineSnapshot {
    return this.#scope(kind).initial
  }

  /** The next snapshot and what was said on the way; if the machine throws, nothing was said. */
  step(
    { kind, snapshot }: Live,
    event: { type: string; [fact: string]: unknown },
  ): { snapshot: AnyMachineSnapshot; said: Said[] } {
    const { compiled, scope, count } = this.#scope(kind)
    count.n++
    const said: Said[] = []
    const next =
      this.isCompiled && compiled && attempted(() => compiled(snapshot, event, each => said.push(each as Said)))
    if (next) return { snapshot: next, said }
    this.#said = []
    return { snapshot: transition.call(kind.machine, snapshot, event, scope), said: this.#said }
  }

  keep({ kind, snapshot }: Live): KeptSnapshot {
    return [kind.version, snapshot.value, kind.head(snapshot.context)]
  }

  /** The snapshot to be shown, without parts: whichever of them are at hand, it is the same. */
  persist(kind: ActorKind, snapshot: AnyMachineSnapshot): PersistedSnapshot {
    const context = { ...this.initial(kind).context, ...(kind.head(snapshot.context) as object) }
    // XState looks for actors in all there is of a context, which may be a day of 20,000 events.
    const {
      value,
      context: _,
      ...rest
    } = kind.machine.getPersistedSnapshot({
      ...snapshot,
      context: {},
    } as AnyMachineSnapshot) as PersistedSnapshot
    const known = Object.entries(rest).filter(([, field]) => field !== undefined)
    return { value, context, ...Object.fromEntries(known) } as PersistedSnapshot
  }

  /** Throws RC_UNKNOWN_VERSION for what this program can't read. */
  restore(kind: ActorKind, kept: unknown): AnyMachineSnapshot {
    const [version, value, head] = migrated(kind, kept as KeptSnapshot)
    if (version !== kind.version) {
      throw new RollcallError('RC_UNKNOWN_VERSION', `${kind.kind} snapshots of version ${version} are unknown.`)
    }
    const context = { ...this.initial(kind).context, ...(head as object) }
    try {
      return { ...this.stateOf(kind, value), context } as AnyMachineSnapshot
    } catch (cause) {
      throw new RollcallError('RC_UNKNOWN_VERSION', `${kind.kind} has no state ${JSON.stringify(value)}.`, { cause })
    }
  }

  /** The snapshot of a state with the first context, of which all in that state share what is of the state alone. */
  stateOf(kind: ActorKind, value: unknown): AnyMachineSnapshot {
    const { states } = this.#scope(kind)
    const name = JSON.stringify(value)
    let state = states.get(name)
    if (!state) {
      state = kind.machine.resolveState({ value: value as string, context: this.initial(kind).context })
      states.set(name, state)
    }
    return state
  }

  #scope(kind: ActorKind): Scope {
    let scope = this.#scopes.get(kind)
    if (!scope) {
      scope = this.#make(kind)
      this.#scopes.set(kind, scope)
    }
    return scope
  }

  #make(kind: ActorKind): Scope {
    const inert = createActor(kind.machine)
    const scope = {
      self: inert,
      system: inert.system,
      id: inert.id,
      sessionId: inert.sessionId,
      logger: () => {},
      defer: () => {},
      emit: () => {},
      stopChild: () => {},
      actionExecutor: (action: { type: string; params: unknown }) => {
        if (action.type === 'xstate.emit') this.#said.push((action.params as { event: Said }).event)
      },
    } as unknown as ActorScope
    return {
      ...{
        scope,
        initial: kind.machine.getInitialSnapshot(scope),
        compiled: compiled(kind.machine),
        states: new Map(),
        count: this.#meter.count('rollcall_transitions_total', { kind: kind.kind }),
      },
    }
  }
}

/** A snapshot as the latest version would keep it; of a version that is not known, as it is. */
export function migrated(kind: ActorKind, kept: KeptSnapshot): KeptSnapshot {
  let [version, value, head] = kept
  while (version < kind.version) {
    const migrate = kind.migrations[version]
    if (!migrate) break
    ;[, value, head] = migrate([version, value, head]) as KeptSnapshot
    version++
  }
  return [version, value, head]
}

/** Null where the work throws: the machine itself says then what is wrong, or that nothing is. */
function attempted<T>(work: () => T): T | null {
  try {
    return work()
  } catch {
    return null
  }
}

type ActorScope = Parameters<ActorKind['machine']['transition']>[2]

interface Scope {
  scope: ActorScope
  initial: AnyMachineSnapshot
  compiled: Compiled | null
  /** by their names */
  states: Map<string, AnyMachineSnapshot>
  /** of transitions */
  count: Count
}
