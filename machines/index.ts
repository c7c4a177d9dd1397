/**
 * The machines, to be drawn, tested or run apart from Rollcall, with their events and an example of each. They are pure:
 * what time it is comes with the event, what follows is emitted.
 */
export type { Ask, Found } from './adoption.ts'
export { examples } from './examples.ts'
export { type FeedContext, type FeedEvent, type FeedSays, feed } from './feed.ts'
export type { StreamerSession } from './session.ts'
export type { StreamerEvent, StreamerSays } from './streamer-events.ts'
export { type StreamerContext, streamerSession } from './streamer-session.ts'
export { type ViewerContext, type ViewerEvent, type ViewerSays, viewer } from './viewer.ts'
export { type VisitorEvent, visitor } from './visitor.ts'
export type { Announcement, VisitorContext } from './visitor-day.ts'
export type { Visit, WebSession } from './web-sessions.ts'
