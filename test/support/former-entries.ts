import { Packr } from 'msgpackr'

/** An entry as the first version wrote it: a bare list of events, in msgpack. */
export const formerly = (events: unknown): Buffer => new Packr({ useRecords: true }).pack(events)
