/**
 * Preloaded by `node --import`, which also reaches worker threads made of files: while FAKE_FIREBASE_PORT is set,
 * connections to Google go to the fake on that port, in plain text, by the version of HTTP they would speak anyway.
 */
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'

const GOOGLE = /(^|\.)googleapis\.com$|^accounts\.google\.com$/

const fakeOf = (host: string | null | undefined): net.Socket | undefined => {
  const port = Number(process.env.FAKE_FIREBASE_PORT)
  return port && GOOGLE.test(host ?? '') ? net.connect(port, '127.0.0.1') : undefined
}

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
