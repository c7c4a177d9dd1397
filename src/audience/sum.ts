export interface AudienceCount {
  alive: number
  attendance: number
}

export interface Audience {
  all: AudienceCount
  bySession: [id: string, count: AudienceCount][]
}

/** The counts of several partitions as one. A user lives in one partition, so counts of distinct users add up. */
export function sumOf(counts: readonly AudienceCount[]): AudienceCount {
  const sum = { alive: 0, attendance: 0 }
  for (const { alive, attendance } of counts) {
    sum.alive += alive
    sum.attendance += attendance
  }
  return sum
}

/** The audiences of several partitions as one. */
export function audienceOf(parts: readonly Audience[]): Audience {
  const bySession = new Map<string, AudienceCount>()
  for (const [stream, count] of parts.flatMap(part => part.bySession)) {
    const known = bySession.get(stream)
    bySession.set(stream, known ? sumOf([known, count]) : count)
  }
  return { all: sumOf(parts.map(({ all }) => all)), bySession: [...bySession] }
}
