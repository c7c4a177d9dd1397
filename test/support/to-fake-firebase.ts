/**
 * Preloaded by `node --import`, also into worker threads: while FAKE_FIREBASE_PORT is set, connections to Google go to
 * the fake on that port, in plain text. The SDK goes on speaking HTTP/2 for messages and HTTP/1.1 for access tokens.
 */
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'

const GOOGLE = /(^|\.)googleapis\.com$|^accounts\.google\.com$/

const fakeOf = (host: string | null | undefined): net.Socket | undefined => {
  const port = Number(process.env.FAKE_FIREBASE_PORT)
  return port && GOOGLE.test(host ?? '') ? net.connect(port, '127.0.0.1') : undefined
}

// A proxy would have an agent of its own.
if (process.env.FAKE_FIREBASE_PORT) process.env.NO_PROXY = '*.googleapis.com'

const { createConnection } = https.Agent.prototype
https.Agent.prototype.createConnection = function (options, callback) {
  return fakeOf(options.host) ?? createConnection.call(this, options, callback)
}

type Connect = (authority: string | URL, ...rest: unknown[]) => http2.ClientHttp2Session
const connect = http2.connect as Connect
const connectToFake: Connect = (authority, ...rest) => {
  const socket = fakeOf(new URL(authority).hostname)
  if (!socket) return connect(authority, ...rest)
  const session = connect(authority, { createConnection: () => socket })
  const { request } = session
  // The SDK says `https:`, which Google takes and Node's HTTP/2 does not.
  session.request = (headers, options) => request.call(session, { ...headers, ':scheme': 'https' }, options)
  return session
}
Object.assign(http2, { connect: connectToFake })
