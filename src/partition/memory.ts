import { totalmem } from 'node:os'

/** More than that is not sure to fit into the memory that V8 lets a thread have, a fourth of the machine's and 4 GiB at most. */
const MOST = 2 * 1024 ** 3
const SHARE = 1 / 8

/** Zero where nothing but the machine limits the process. */
const constrained = process.constrainedMemory() || Number.POSITIVE_INFINITY

/** Bytes that the actors of all partitions of a process may take together, about, beyond those of the batch at hand. */
export const ACTORS_BYTES = Math.min(MOST, SHARE * Math.min(totalmem(), constrained))
