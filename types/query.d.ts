import HyperDHT = require('../index')
import { Buffer } from './buffer'
import { Address, AnnounceSigner, NodeAddress, Peer } from './common'
import { Session } from './request'
import { Readable } from './stream'

export interface QueryOptions {
  /** Asked first. */
  nodes?: Address[]
  closestNodes?: Address[]
  replies?: Reply[]
  closestReplies?: Reply[]
  onlyClosestNodes?: boolean
  /** Ignores the congestion window, and does not retry. */
  force?: boolean
  concurrency?: number
  /** Default 5. */
  retries?: number
  /**
   * Called with the reply of each of the closest nodes. The query succeeds if one call does. True
   * sends the request again, with the token.
   */
  commit?: boolean | null | ((reply: Reply, dht: HyperDHT, query: Query<unknown>) => unknown)
  session?: Session
}

export interface UnannounceOptions extends QueryOptions {
  signUnannounce?: AnnounceSigner
}

export interface AnnounceOptions extends UnannounceOptions {
  signAnnounce?: AnnounceSigner
  /** Unix time in milliseconds, which lookups return. Nodes keep the later one of two. */
  bump?: number
  /** First unannounce at each node that has the record. */
  clear?: boolean
}

export interface Reply {
  tid: number
  /** Milliseconds. */
  rtt: number
  from: NodeAddress
  to: Address
  token: Buffer | null
  /** Only replies to queries have ids. */
  closerNodes: Array<Address & { id: Buffer | null }> | null
  error: number
  value: Buffer | null
}

export interface FindPeerResult {
  token: Buffer | null
  from: NodeAddress
  to: Address
  peer: Peer
}

export interface LookupResult {
  token: Buffer | null
  from: NodeAddress
  to: Address
  peers: Peer[]
  bump: number
}

export interface ImmutableResult {
  token: Buffer | null
  from: NodeAddress
  to: Address
  value: Buffer
}

export interface MutableResult extends ImmutableResult {
  seq: number
  signature: Buffer
}

/** A Readable of streamx, which starts when it is read. */
export interface Query<T> extends Readable<T> {
  readonly dht: HyperDHT
  readonly target: Buffer
  readonly command: number
  /** The `target` as it was passed. */
  readonly value: Uint8Array | null
  readonly internal: boolean
  readonly force: boolean
  readonly concurrency: number
  readonly retries: number
  readonly k: number
  readonly map: (reply: Reply) => unknown
  readonly inflight: number
  readonly errors: number
  readonly successes: number
  readonly closestReplies: Reply[]
  readonly closestNodes: NodeAddress[]

  /** Reads to the end; rejects with the stream's error. */
  finished(): Promise<void>
}
