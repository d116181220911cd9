import { Buffer } from './buffer'
import { Address } from './common'
import { CodedError, Emitter } from './emitter'
import { InflightRequest, ManualRequest, Request, Session } from './request'
import { NetworkInterfaces, UDX, UDXSocket } from './udx'

/** An address of a network interface. */
export interface NetworkInterface {
  name: string
  host: string
  family: 4 | 6
  /** It leads to this host only. */
  internal: boolean
}

/** A copy of a node of the routing table. Times are ticks of 5 s. */
export interface TableNode {
  id: Buffer
  host: string
  port: number
  added: number
  /** When we last tried it, or it was heard. */
  pinged: number
  /** When it was last heard. */
  seen: number
  /** When it last told us our address; 0 if it never did. */
  sampled: number
  downHints: number
}

/** The nodes of the routing table in the order in which they were last heard. */
export interface NodeSet {
  readonly length: number
  readonly latest: TableNode | null
  readonly oldest: TableNode | null
  has(node: { id: Uint8Array }): boolean
  /** The oldest first, unless reversed. */
  toArray(opts?: { limit?: number; reverse?: boolean }): TableNode[]
  /** Adds a node to the routing table, unless its row is full. A known one keeps its place. */
  add<T extends Address>(node: T): T
  remove<T extends { id: Uint8Array }>(node: T): T
}

export interface RoutingTable extends Emitter<{ row: [row: TableRow] }> {
  readonly id: Buffer
  readonly k: number
  readonly size: number
  /** By the number of bits in common with our id; undefined where there never was a node. */
  readonly rows: Array<TableRow | undefined>
  /** Whether a program listens to the table or to one of its rows. */
  readonly isWatched: boolean
  /** Returns whether the table has the node now. */
  add(node: Address): boolean
  /** Returns whether the table had the node. */
  remove(id: Uint8Array): boolean
  get(id: Uint8Array): TableNode | null
  has(id: Uint8Array): boolean
  random(): TableNode | null
  /** At most k, the closest first. */
  closest(id: Uint8Array, k?: number): TableNode[]
  toArray(): TableNode[]
}

/** A row of the routing table: the nodes whose ids have as many bits in common with ours. */
export interface TableRow extends Emitter<{ add: [node: TableNode]; remove: [node: TableNode] }> {
  readonly table: RoutingTable
  readonly index: number
  readonly byteOffset: number
  /** In the order of their ids. */
  readonly nodes: TableNode[]
  readonly isWatched: boolean
  data: unknown
  get(id: Uint8Array): TableNode | null
  add(node: Address): boolean
  remove(id: Uint8Array): boolean
}

/** The numbers by which `online` and `degraded` are judged, in each tick of 5 s. */
export interface Health extends HealthStats {
  readonly stats: HealthStats
  /** The latest tick. */
  readonly newest: HealthTick | undefined
  readonly previous: HealthTick | undefined
  /** The fourth last tick. */
  readonly oldest: HealthTick | undefined
  /** Judges now, as at the end of a tick. */
  update(): void
  /** Forgets the ticks: the node counts as online. */
  reset(): void
}

/** The counts up to the end of a tick, and what they say if enough had happened. */
export interface HealthTick {
  responses: number
  timeouts: number
  offline?: boolean
  degraded?: boolean
}

export interface HealthStats {
  readonly online: boolean
  readonly degraded: boolean
  /** Fewer than four ticks have passed. */
  readonly cold: boolean
  /** Too little happened in the latest tick to judge it. */
  readonly idle: boolean
  readonly responses: number
  readonly timeouts: number
  readonly timeoutsRate: number
}

export interface IO {
  readonly clientSocket: UDXSocket | null
  readonly serverSocket: UDXSocket | null
  readonly udx: UDX
  readonly networkInterfaces: NetworkInterfaces
  readonly portRange: [from: number, to: number]
  readonly table: RoutingTable
  readonly stats: { requests: Stats['requests']; commands: Array<{ tx: number; rx: number }> }
  /** Requests that have neither been answered nor given up. */
  readonly inflight: InflightRequest[]
  readonly firewalled: boolean
  readonly ephemeral: boolean
  readonly suspended: boolean

  /** Resolves when the sockets are bound. */
  bind(): Promise<void>
  /** The same as `dht.suspend`, and so on. */
  suspend(opts?: { log?: (text: string) => void }): Promise<void>
  resume(opts?: { log?: (text: string) => void }): Promise<void>
  destroy(): Promise<void>
  /** A request that is sent by its `send`. Null when the node is destroyed. */
  createRequest(
    to: Address,
    token: Uint8Array | null,
    internal: boolean,
    command: number,
    target?: Uint8Array | null,
    value?: Uint8Array | null,
    session?: Session | null,
    ttl?: number
  ): ManualRequest | null
  /** Handles a datagram as one that has arrived at this socket. */
  onmessage(socket: UDXSocket, buf: Uint8Array, rinfo: Address): void
}

export interface Config {
  concurrency: number
  maxWindow: number
  randomPunchInterval: number
  connectionKeepAlive: number
  sendDownHints: boolean
  downHintsRateLimit: number
}

export interface Stats {
  punches: {
    consistent: number
    random: number
    open: number
    tryLater: number
    tryLaterRelayedHandshakesAtLeastOnce: number
  }
  /** Clients of servers, at blind relays. */
  relaying: { attempts: number; successes: number; aborts: number }
  socketPool: { socketsAdded: number; socketsRemoved: number }
  queries: { active: number; total: number }
  requests: {
    active: number
    total: number
    responses: number
    timeouts: number
    retries: number
  }
  commands: Record<'ping' | 'pingNat' | 'findNode' | 'downHint', { tx: number; rx: number }>
  /** Input from the network that was dropped, by reason. Not in the reference. */
  dropped: Record<
    | 'malformed'
    | 'unexpected'
    | 'handshake'
    | 'admission'
    | 'punch'
    | 'message'
    | 'frame'
    | 'udx'
    | 'store'
    | 'request'
    | 'relay',
    number
  >
}

export interface Events {
  listening: []
  'nat-update': [host: string | null, port: number]
  ready: []
  persistent: []
  ephemeral: []
  wakeup: []
  /** The interfaces of this host have changed. The argument lists all. 'network-update' follows. */
  'network-change': [interfaces: NetworkInterface[]]
  'network-update': []
  suspend: []
  resume: []
  'add-node': [node: TableNode]
  'remove-node': [node: TableNode]
  /** A command that the node does not know. */
  request: [req: Request]
  close: []
  /** Never emitted: what fails rejects. Programs that listen do no harm. */
  error: [err: CodedError]
}
