import HyperDHT = require('../index')
import { Buffer } from './buffer'
import { SigningKeyPair } from './common'
import { Emitter } from './emitter'

export interface RelayOptions {
  /** Connections of clients. Default 4096. */
  maxSessions?: number
  /** Pairs, and requests that wait for their other end. Default 4096. */
  maxPairings?: number
  /** Pairs and requests of one client. Default 256. */
  maxPairingsPerClient?: number
  /** In each direction of a pair; packets above it are dropped. Default 0: no limit. */
  maxBytesPerSecond?: number
  /** Milliseconds after which a pair ends that passes nothing on. Default 60000. */
  idleTimeout?: number
}

export interface RelayStats {
  sessions: { accepted: number; active: number }
  pairings: {
    requested: number
    matched: number
    cancelled: number
    pending: number
    active: number
  }
  /** Packets and bytes that were passed on. */
  packets: number
  bytes: number
  /** Packets above `maxBytesPerSecond`. */
  throttled: number
  /** Connections and requests above a limit. */
  refused: number
}

export interface RelayEvents {
  listening: []
  close: []
}

/** A blind relay: passes on the packets of peers that cannot reach each other. */
export interface Relay extends Emitter<RelayEvents> {
  readonly dht: HyperDHT
  /** What peers name in `relayThrough`; null before `listen`. */
  readonly publicKey: Buffer | null
  readonly listening: boolean
  readonly closed: boolean
  readonly stats: RelayStats

  /** Announces the key pair; resolves when peers can find the relay. Rejects like a server's. */
  listen(keyPair?: SigningKeyPair): Promise<this>
  /** Unannounces the key pair, and ends all connections and pairs. */
  close(): Promise<void>
}
