import type { EmittedFrom } from 'xstate'
import type { ViewerSays } from '../machines/viewer.ts'
import { type FeedTakes, feed } from './feed.ts'
import type { ActorKind } from './index.ts'
import { type StreamerTakes, streamerSession } from './streamer-session.ts'
import { type ViewerTakes, viewer } from './viewer.ts'
import { type VisitorTakes, visitor } from './visitor.ts'

/** Each with the types of its own. */
const ALL = [viewer, visitor, streamerSession, feed] as const

/** All kinds of actor there are. */
export const KINDS: readonly ActorKind[] = ALL

type Kind = (typeof ALL)[number]
type Takes = ViewerTakes & VisitorTakes & StreamerTakes & FeedTakes

/** All that actors ask of the world, as their machines emit it. */
export type Says = Exclude<EmittedFrom<Kind['machine']>, ViewerSays>
export type SaysOf<Type extends Says['type']> = Extract<Says, { type: Type }>

/** An event that is an answer: its kind, and its facts as the actor takes them. */
export type AnswerOf<Type extends keyof Takes> = Type extends unknown ? { kind: Type } & Takes[Type] : never

type KindThatSays<S, K = Kind> = K extends Kind ? (S extends EmittedFrom<K['machine']> ? K : never) : never

/** The answers that the kind of actor takes whose machine says so. */
export type AnswerTo<S extends Says> = AnswerOf<KindThatSays<S>['takes'][number]>
