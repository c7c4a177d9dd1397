/**
 * Every metric of `/metrics` that is Rollcall's own: how it is counted, by which labels it is told apart, what it means.
 * No label has a value that comes from outside. The table is printed in docs/operating.md; a test keeps the two equal.
 */
interface Metric {
  type: 'counter' | 'gauge' | 'histogram'
  labels: readonly string[]
  help: string
  /** of a histogram */
  bounds?: readonly number[]
}

const counter = <const L extends readonly string[]>(labels: L, help: string) => ({
  ...{ type: 'counter' as const, labels, help },
})
const gauge = <const L extends readonly string[]>(labels: L, help: string) => ({
  ...{ type: 'gauge' as const, labels, help },
})
const histogram = <const L extends readonly string[]>(labels: L, bounds: readonly number[], help: string) => ({
  ...{ type: 'histogram' as const, labels, bounds, help },
})

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
const EVENTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000]

const OF_LOG = {
  rollcall_log_appended_events_total: counter([], 'Events that the log made durable.'),
  rollcall_log_appended_entries_total: counter([], 'Entries that the log made durable, batches of events.'),
  rollcall_log_appended_bytes_total: counter([], 'Bytes of these entries.'),
  rollcall_log_append_seconds: histogram([], SECONDS, 'Time from the first event of an entry until it was durable.'),
  rollcall_log_append_failures_total: counter([], 'Entries that the log did not take; whoever sent them was told.'),
  rollcall_partition_lag_entries: gauge(
    ['partition', 'stage'],
    'Entries accepted and not applied (`apply`), applied and not committed (`commit`).',
  ),
  rollcall_partition_replay_entries: gauge(
    ['partition'],
    'Entries to be replayed before the partition shows its state.',
  ),
} as const

const OF_SHARDS = {
  rollcall_batch_events: histogram(['shard'], EVENTS, 'Events that were read from the log at once.'),
  rollcall_pulses_total: counter(
    ['shard'],
    'Heartbeats of viewers that stay where they are, which are no transitions.',
  ),
  rollcall_transitions_total: counter(['shard', 'kind'], 'Transitions of actors.'),
  rollcall_transition_seconds_total: counter(['shard'], 'Time in which entries were applied, pulses and transitions.'),
  rollcall_actors_resident: gauge(['shard', 'kind'], 'Actors in memory.'),
  rollcall_actors_resident_bytes: gauge(['shard'], 'Memory that these take, about.'),
  rollcall_actors_dirty: gauge(['shard'], 'Actors that the next commits write.'),
  rollcall_passivations_total: counter(['shard'], 'Actors that left memory.'),
  rollcall_beats_late_total: counter(
    [],
    'Heartbeats too far behind the newest of their viewer, which changed nothing.',
  ),
  rollcall_shard_event_loop_delay_seconds: gauge(['shard'], 'Longest delay of the event loop since the last look.'),
  rollcall_shard_busy_seconds_total: counter(['shard'], 'Time in which the event loop was at work.'),
  rollcall_shard_gc_seconds_total: counter(['shard'], 'Time in which garbage was collected.'),
  rollcall_shard_heap_bytes: gauge(['shard'], 'Heap in use.'),
} as const

const OF_COMMITS = {
  rollcall_commits_total: counter(['partition'], 'Commits of checkpoints.'),
  rollcall_commit_seconds: histogram(['shard'], SECONDS, 'Time from the cut until its checkpoint was durable.'),
  rollcall_commit_bytes_total: counter(['partition'], 'Bytes that commits wrote.'),
  rollcall_last_commit_timestamp_seconds: gauge(['partition'], 'When the last commit was, since the epoch.'),
  rollcall_documents_written_total: counter(['collection'], 'Documents that were written, by shards and by requests.'),
} as const

const OF_EFFECTS = {
  rollcall_effects_total: counter(['kind', 'result'], 'Effects, by what became of them.'),
  rollcall_effect_failures_total: counter(['kind'], 'Attempts at effects that failed.'),
  rollcall_effects_waiting: gauge([], 'Effects that are not done, without those that are parked.'),
  rollcall_outbox_oldest_seconds: gauge(['partition'], 'Age of the oldest of these; 0 if there is none.'),
  rollcall_parked: gauge(['partition', 'kind'], 'Events (`event`) and effects (`effect`) that wait for an operator.'),
} as const

const OF_THE_WAY_IN = {
  rollcall_refusals_total: counter(
    ['code', 'limit'],
    'Requests that were refused, over HTTP and NATS, and the limit that was reached, if one was.',
  ),
  rollcall_waits: gauge([], 'Requests that wait for a position, or for a frame.'),
  rollcall_live_sets_rebuilt_total: counter([], 'Live sets of partitions that were made anew.'),
  rollcall_http_request_seconds: histogram(
    ['method', 'route', 'status'],
    SECONDS,
    'Time from a request until its answer was sent.',
  ),
} as const

const OF_THE_PROCESS = {
  rollcall_build_info: gauge(['version'], 'Always 1; the label says which version runs.'),
  rollcall_ready: gauge([], '1 while all that comes is taken and goes on, as `/readyz` says.'),
  rollcall_owner: gauge([], '1 while this process owns the partitions.'),
  rollcall_owned_by_somebody: gauge([], '1 while some process owns the partitions, as this one sees it.'),
  rollcall_partition_running: gauge(['partition'], '1 while the partition goes on, 0 while it is replayed or stopped.'),
  rollcall_partition_stopped: gauge(['partition'], '1 while the partition is stopped, which a replay is not.'),
  rollcall_partition_epoch: gauge(['partition'], 'Under which the partition is owned; a claim mints a greater one.'),
  rollcall_server_up: gauge(
    ['server'],
    '1 while the server (`nats`, `mongodb`, `redis`) answers, and Redis takes writes.',
  ),
  rollcall_viewers_alive: gauge([], 'Viewers alive.'),
  rollcall_sessions_live: gauge([], 'Streamer sessions that are active; 5,001 where there are more.'),
  rollcall_disk_free_bytes: gauge([], 'Free space under the data directory.'),
  rollcall_log_bytes: gauge([], 'Size of the embedded log.'),
  rollcall_state_bytes: gauge([], 'Size of the embedded checkpoints and documents.'),
  rollcall_work_done: gauge(['work'], 'How much of some long work is done, such as `replay`.'),
  rollcall_work_size: gauge(['work'], 'How much there is of it.'),
  rollcall_work_since_timestamp_seconds: gauge(['work'], 'When it began, since the epoch.'),
} as const

export const METRICS = {
  ...OF_LOG,
  ...OF_SHARDS,
  ...OF_COMMITS,
  ...OF_EFFECTS,
  ...OF_THE_WAY_IN,
  ...OF_THE_PROCESS,
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof METRICS
type Of<Type> = { [N in MetricName]: (typeof METRICS)[N]['type'] extends Type ? N : never }[MetricName]
export type CountedName = Of<'counter'>
export type GaugeName = Of<'gauge'>
export type SpreadName = Of<'histogram'>
