import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

const HOST = '127.0.0.1'

/** A way to a port of this machine that can be cut, or held up so that whoever waits is told nothing. */
export class Wire {
  readonly #listener: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #isCut = false
  #isHeld = false

  private constructor(to: number) {
    this.#listener = createServer(socket => this.#took(socket, to)).listen(0, HOST)
  }

  static async to(port: number): Promise<Wire> {
    const wire = new Wire(port)
    await once(wire.#listener, 'listening')
    return wire
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port
  }

  #took(socket: Socket, to: number): void {
    // A connection that is cut ends in an error at either end, which its owner sees too.
    socket.on('error', () => socket.destroy())
    if (this.#isCut) return void socket.destroy()
    const far = connect(to, HOST)
    far.on('error', () => far.destroy())
    const pair = [socket.setNoDelay(), far.setNoDelay()] as const
    this.#pairs.add(pair)
    for (const end of pair)
      end.once('close', () => {
        this.#pairs.delete(pair)
        for (const each of pair) each.destroy()
      })
    if (!this.#isHeld) join(pair)
  }

  /** All connections are gone, and none can be made. */
  cut(): void {
    this.#isCut = true
    for (const pair of this.#pairs) for (const end of pair) end.resetAndDestroy()
  }

  /** Connections stay, and can be made, but nothing gets through. */
  hold(): void {
    this.#isHeld = true
    for (const pair of this.#pairs) for (const end of pair) end.unpipe().pause()
  }

  heal(): void {
    this.#isCut = false
    if (this.#isHeld) for (const pair of this.#pairs) join(pair)
    this.#isHeld = false
  }

  /** For good. */
  close(): void {
    this.cut()
    this.#listener.close()
  }
}

function join([near, far]: readonly [Socket, Socket]): void {
  near.pipe(far)
  far.pipe(near)
}
