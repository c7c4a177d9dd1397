import type { MongoClient } from 'mongodb'

/** The inside of the driver's client, which has no types. */
interface Inside {
  topology?: { s: { servers: Map<string, { monitor: { connection: Connection | null } | null }> } }
}

interface Connection {
  socket: { destroyed: boolean }
  destroy(): void
}

/**
 * When a server dies, mongodb 7.9 may begin to check it on a socket that is destroyed, but not said to be closed yet.
 * Then it waits for ever to write, and never sees the server come back; one kill in twenty does it.
 */
export function guardMonitors(client: MongoClient): void {
  client.on('serverHeartbeatStarted', ({ connectionId }) => {
    const { topology } = client as unknown as Inside
    const connection = topology?.s.servers.get(connectionId)?.monitor?.connection
    if (connection?.socket.destroyed) connection.destroy()
  })
}
