/** Observe: how the running system is seen from outside. What goes wrong and is dealt with is told here, by its step. */

export interface Faults {
  /** Tells that a step went wrong; whoever reports it goes on, tries again, or ends. */
  report(step: string, error: unknown): void
}
