import { Protect, UDX } from './udx'
import { Address, KeyPairLike } from './common'

export interface AdaptiveTimeoutOptions {
  /** Destinations that are remembered, default 65536. */
  maxSize?: number
  /** Milliseconds, default 10 minutes. */
  maxAge?: number
  /** Milliseconds that the tries to an unknown destination wait; default [250, 500, 1000, 2000, 4000]. */
  fallback?: number[]
  /** Milliseconds, default 300. */
  min?: number
  /** Milliseconds, default 4000. */
  max?: number
  /** Milliseconds, default 256. */
  jitter?: number
}

export interface DHTOptions {
  /**
   * Creates the sockets. If it has streams, bound sockets or another node already, these and the
   * streams of this node do not connect to each other in one process.
   */
  udx?: UDX
  /** Nodes to ask first, as `host:port`, `ip@host:port`, objects or ports of this host. */
  bootstrap?: Array<string | number | Address> | false
  /** Nodes for the routing table. */
  nodes?: Address[]
  /** Tried first, with the four behind it; or a range. Default 49737. */
  port?: number | [from: number, to: number]
  /** IPv4 address to bind, or '::' for all addresses of both families. Default '0.0.0.0'. */
  host?: string
  /** Bind any port if those are occupied. Default true. */
  anyPort?: boolean
  keyPair?: KeyPairLike
  /** 32 bytes for the default key pair. */
  seed?: Uint8Array
  /** Milliseconds, default 5000; false is off. */
  connectionKeepAlive?: number | false
  /**
   * Milliseconds, from 13000 (the default) to 600000: how long a connection lasts while its peer
   * acknowledges nothing of what was sent. Each end has its own. It is counted each time that a
   * packet is repeated, so that it may last a third longer, and more where the round trip is longer
   * than half a second. It is not waited for if the peer's port is reported closed.
   */
  userTimeout?: number
  /**
   * Milliseconds, default 20000. In this time the node regains one random punch that it has made in
   * full, of three; one that succeeds costs a tenth of that, or so.
   */
  randomPunchInterval?: number
  /** The first random punch waits for `randomPunchInterval`. */
  deferRandomPunch?: boolean
  /** Default: adaptive. */
  ephemeral?: boolean
  adaptive?: boolean
  quickFirewall?: boolean
  firewalled?: boolean
  concurrency?: number
  maxWindow?: number
  /** Milliseconds, default 10000. */
  maxPingDelay?: number
  maxSize?: number
  /** Milliseconds, default 20 minutes, and 48 hours for mutable and immutable values. */
  maxAge?: number
  /** Timers for requests by destination; true is the defaults. Default: as the measured round trips allow. */
  adaptiveTimeout?: boolean | AdaptiveTimeoutOptions
  sendDownHints?: boolean
  downHintsRateLimit?: number
  /** Called with each UDP socket of the node before anything is sent from it. Default: that of `udx`. */
  protect?: Protect
  /**
   * Whether JavaScript's thread may receive by itself while single messages go back and forth. Only
   * on Linux and Android, and not with `protect`. Default true.
   */
  lendSockets?: boolean
  [unknown: string]: unknown
}
