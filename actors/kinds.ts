import { feed } from './feed.ts'
import type { ActorKind } from './index.ts'
import { streamerSession } from './streamer-session.ts'
import { viewer } from './viewer.ts'
import { visitor } from './visitor.ts'

/** All kinds of actor there are. */
export const KINDS: readonly ActorKind[] = [viewer, visitor, streamerSession, feed]
