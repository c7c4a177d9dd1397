import type { MongoClient } from 'mongodb'

/** Of the driver's own, which no types are given for. */
interface Inside {
  topology?: { s: { servers: Map<string, { monitor: { connection: MonitorConnection | null } | null }> } }
}

export interface MonitorConnection {
  socket: { destroyed: boolean }
  destroy(): void
}

/** The connection by which the driver watches a server. */
export const monitorOf = (client: MongoClient, address: string): MonitorConnection | null =>
  (client as unknown as Inside).topology?.s.servers.get(address)?.monitor?.connection ?? null

/**
 * When a server dies, mongodb 7.9 may begin to check it on a socket that is destroyed, but not said to be closed yet.
 * Then it waits for ever to write, and never sees the server come back; one kill in twenty does it.
 */
export function guardMonitors(client: MongoClient): void {
  client.on('serverHeartbeatStarted', ({ connectionId }) => {
    const connection = monitorOf(client, connectionId)
    if (connection?.socket.destroyed) connection.destroy()
  })
}
