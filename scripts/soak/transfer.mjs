// One connection of the soak: bytes that the server sends back, and an end by chance.

import { randomBytes } from 'node:crypto'

/** A prime number of bytes, so that no message lies at the place of another. */
const PATTERN = randomBytes(65_521)

const MAX_BYTES = 400_000
const MAX_MESSAGE = 30_000

/** How often the client, or the server, destroys the connection in the middle. */
const CUT = 0.15

/** Codes and texts of ends that the soak brings about itself. */
const EXPECTED = /destroyed|closed|reset|PEER_|ETIMEDOUT|HOLEPUNCH|SUSPENDED|CANNOT_|REMOTE_/i

/** The client's side. */
export class Transfer {
  constructor(conn, chance) {
    this.conn = conn
    this.chance = chance
    this.length = Math.floor(chance() * MAX_BYTES)
    this.sent = 0
    this.received = 0
    this.wrong = null
    this.cutAt = chance() < CUT ? Math.floor(chance() * this.length) : Infinity
  }

  /** Resolves when the connection has closed: whether all bytes came back. */
  async run() {
    const { conn } = this
    const closed = new Promise(resolve => conn.on('close', resolve))
    conn.on('error', err => {
      if (!EXPECTED.test(err.code + err.message)) this.wrong ||= err
    })
    conn.on('data', data => this.check(data))
    conn.on('end', () => conn.end())
    conn.on('drain', () => this.send())
    this.send()
    await closed
    if (this.wrong) throw this.wrong
    return this.received === this.length
  }

  send() {
    const { conn } = this
    while (this.sent < this.length) {
      const most = Math.min(MAX_MESSAGE, this.length - this.sent)
      const data = pattern(this.sent, 1 + Math.floor(this.chance() * most))
      this.sent += data.byteLength
      if (!conn.write(data)) return
    }
  }

  check(data) {
    if (!data.equals(pattern(this.received, data.byteLength))) {
      this.wrong = new Error(`a wrong byte behind byte ${this.received}`)
      return this.conn.destroy()
    }
    this.received += data.byteLength
    if (this.received >= this.cutAt) this.conn.destroy()
    else if (this.received === this.length) this.conn.end()
  }
}

/** The server's side: sends back what comes, as fast as the client takes it. */
export function echo(conn, chance) {
  let left = chance() < CUT ? chance() * MAX_BYTES : Infinity
  conn.on('error', noop)
  conn.on('data', data => {
    left -= data.byteLength
    if (left < 0) return conn.destroy()
    if (!conn.write(data)) conn.pause()
  })
  conn.on('drain', () => conn.resume())
  conn.on('end', () => conn.end())
}

function pattern(from, length) {
  const start = from % PATTERN.byteLength
  const part = PATTERN.subarray(start, start + length)
  if (part.byteLength === length) return part
  return Buffer.concat([part, PATTERN.subarray(0, length - part.byteLength)])
}

function noop() {}
