import * as common from './types/common'
import * as connection from './types/connection'
import * as encryption from './types/encryption'
import * as node from './types/node'
import * as options from './types/options'
import * as query from './types/query'
import * as relay from './types/relay'
import * as request from './types/request'
import * as server from './types/server'
import * as udx from './types/udx'
import { Buffer } from './types/buffer'
import { Emitter } from './types/emitter'

export = HyperDHT

/** A node of the DHT. */
interface HyperDHT extends Emitter<node.Events> {}

declare class HyperDHT {
  /** @throws {TypeError | RangeError} for options of a wrong type or out of range */
  constructor(opts?: HyperDHT.DHTOptions)

  /** An Ed25519 key pair, random without a seed of 32 bytes. */
  static keyPair(seed?: Uint8Array): HyperDHT.KeyPair
  /** BLAKE2b with 32 bytes of digest. */
  static hash(data: Uint8Array): Buffer
  /** A node that other nodes bootstrap from, at the given public address. */
  static bootstrapper(port: number, host: string, opts?: HyperDHT.DHTOptions): HyperDHT

  static readonly BOOTSTRAP: string[]
  static readonly FIREWALL: { UNKNOWN: 0; OPEN: 1; CONSISTENT: 2; RANDOM: 3 }
  static readonly DEFAULTS: {
    concurrency: number
    maxWindow: number
    maxPingDelay: number
    connectionKeepAlive: number
    randomPunchInterval: number
  }
  static readonly OK: 0
  static readonly ERROR_UNKNOWN_COMMAND: 1
  static readonly ERROR_INVALID_TOKEN: 2

  /** Our id in the routing tables of other nodes. Null while the node is ephemeral. */
  readonly id: Buffer | null
  /** Our address as other nodes see it. Null while it is unknown or differs by node. */
  readonly host: string | null
  /** 0 while it is unknown or differs by node. */
  readonly port: number
  /** True while each peer sees us at a different port. */
  readonly randomized: boolean
  readonly firewalled: boolean
  readonly ephemeral: boolean
  readonly adaptive: boolean
  readonly bootstrapped: boolean
  readonly destroyed: boolean
  readonly suspended: boolean
  readonly online: boolean
  readonly degraded: boolean
  readonly concurrency: number
  readonly maxPingDelay: number
  readonly bootstrapNodes: Array<{ host: string; port: number }>
  readonly defaultKeyPair: HyperDHT.KeyPair
  /** Milliseconds; 0 is off. */
  connectionKeepAlive: number
  /** Servers from `listen` to `close`. */
  readonly listening: Set<HyperDHT.Server>
  readonly socket: HyperDHT.UDXSocket | null
  readonly config: HyperDHT.Config
  readonly nodes: HyperDHT.NodeSet
  readonly table: HyperDHT.RoutingTable
  readonly health: HyperDHT.Health
  readonly io: HyperDHT.IO
  readonly udx: HyperDHT.UDX
  /** All UDX streams of the node that are not closed, those of its connections included. */
  readonly rawStreams: HyperDHT.RawStreamSet
  /** Plain numbers, which may be written to. */
  readonly stats: HyperDHT.Stats

  /**
   * Connects to a server. Failures arrive as 'error'.
   *
   * @param remotePublicKey 32 bytes, a hyperdht-address, hex or z-base-32
   * @throws {Error} for a malformed key
   * @returns the stream of `createSecretStream`, if there is one
   */
  connect<Stream extends object>(
    remotePublicKey: Uint8Array | string,
    opts: HyperDHT.ConnectOptions & { createSecretStream: HyperDHT.CreateSecretStream<Stream> }
  ): Stream
  connect(
    remotePublicKey: Uint8Array | string,
    opts?: HyperDHT.ConnectOptions
  ): HyperDHT.NoiseSecretStream

  /** Keeps at most one connection to each peer. */
  pool(): HyperDHT.ConnectionPool
  /** Creates a UDX stream. Its id is random. */
  createRawStream(opts?: HyperDHT.UDXStreamOptions): HyperDHT.UDXStream
  /**
   * Connects a raw stream to the peer of a connection, on the way that the peer's packets come.
   *
   * @throws {Error} with `code` STREAM_NOT_CONNECTED
   */
  static connectRawStream(
    encryptedStream: HyperDHT.NoiseSecretStream,
    rawStream: HyperDHT.UDXStream,
    remoteId: number
  ): void

  createServer(onconnection?: HyperDHT.ConnectionListener): HyperDHT.Server
  createServer(
    opts: HyperDHT.ServerOptions,
    onconnection?: HyperDHT.ConnectionListener
  ): HyperDHT.Server

  /** A blind relay, through which peers reach each other that cannot do so directly. */
  createRelay(opts?: HyperDHT.RelayOptions): HyperDHT.Relay

  findPeer(
    publicKey: Uint8Array,
    opts?: HyperDHT.QueryOptions & { hash?: boolean }
  ): HyperDHT.Query<HyperDHT.FindPeerResult>
  lookup(target: Uint8Array, opts?: HyperDHT.QueryOptions): HyperDHT.Query<HyperDHT.LookupResult>
  announce(
    target: Uint8Array,
    keyPair: HyperDHT.SigningKeyPair,
    relayAddresses?: HyperDHT.Address[] | null,
    opts?: HyperDHT.AnnounceOptions
  ): HyperDHT.Query<HyperDHT.LookupResult>
  unannounce(
    target: Uint8Array,
    keyPair: HyperDHT.SigningKeyPair,
    opts?: HyperDHT.UnannounceOptions
  ): Promise<void>
  /** Removes the record from each node that shows it. A node that refuses is no error. */
  lookupAndUnannounce(
    target: Uint8Array,
    keyPair: HyperDHT.SigningKeyPair,
    opts?: HyperDHT.UnannounceOptions
  ): HyperDHT.Query<HyperDHT.LookupResult>

  /** Stores bytes, at most 1970, under their hash. */
  immutablePut(
    value: Uint8Array,
    opts?: HyperDHT.QueryOptions
  ): Promise<{ hash: Buffer; closestNodes: HyperDHT.NodeAddress[] }>
  /** Null if no node has them. */
  immutableGet(
    target: Uint8Array,
    opts?: HyperDHT.QueryOptions
  ): Promise<HyperDHT.ImmutableResult | null>
  /**
   * Stores bytes, about 1870 at most, under a public key. Also resolves if nodes have newer ones.
   */
  mutablePut(
    keyPair: HyperDHT.SigningKeyPair,
    value: Uint8Array,
    opts?: HyperDHT.QueryOptions & {
      /** Default 0. The higher replaces the lower. */
      seq?: number
      signMutable?: HyperDHT.MutableSigner
    }
  ): Promise<{
    publicKey: Buffer
    closestNodes: HyperDHT.NodeAddress[]
    seq: number
    signature: Buffer
  }>
  /** Null if no node has one. */
  mutableGet(
    publicKey: Uint8Array,
    opts?: HyperDHT.QueryOptions & {
      /** The lowest `seq` to accept. Default 0. */
      seq?: number
      /** Ask all nodes for the latest. Default true; false takes the first that is found. */
      latest?: boolean
      /** If it returns true, the record is stored again at the closest nodes. */
      refresh?(found: HyperDHT.MutableResult): boolean
    }
  ): Promise<HyperDHT.MutableResult | null>

  query<T = HyperDHT.Reply>(
    message: { target: Uint8Array; command: number; value?: Uint8Array | null },
    opts?: HyperDHT.QueryOptions & { map?(reply: HyperDHT.Reply): T | null | undefined | false }
  ): HyperDHT.Query<T>
  findNode(target: Uint8Array, opts?: HyperDHT.QueryOptions): HyperDHT.Query<HyperDHT.Reply>

  request(
    message: {
      command: number
      target?: Uint8Array | null
      token?: Uint8Array | null
      value?: Uint8Array | null
    },
    to: HyperDHT.Address,
    opts?: HyperDHT.RequestOptions
  ): Promise<HyperDHT.Reply>
  ping(
    to: HyperDHT.Address,
    opts?: HyperDHT.RequestOptions & { size?: number }
  ): Promise<HyperDHT.Reply>

  /**
   * A ping that the remote node answers after `delayMs`.
   *
   * @throws {Error} at once, beyond `maxPingDelay`
   */
  delayedPing(
    to: HyperDHT.Address,
    delayMs: number,
    opts?: HyperDHT.RequestOptions
  ): Promise<HyperDHT.Reply>
  /** A group of requests and queries that can be ended together. */
  session(): HyperDHT.Session
  /** Round trips and errors of one query. */
  rttStats(): Promise<HyperDHT.RttStats>
  /** The addresses whose hosts are this host. Each host is tried once. */
  validateLocalAddresses<T extends HyperDHT.Address>(addresses: Iterable<T>): Promise<T[]>

  /**
   * Answers a request of another node. Subclasses may override it, programs assign it; then all
   * requests come here. The default serves the protocol's commands, and emits 'request' for others.
   *
   * @returns false for a command that is not known: the requester is told so
   */
  onrequest(req: HyperDHT.Request): unknown
  /** Takes a datagram of a socket for punching that belongs to no connection; as `onrequest`. */
  onmessage(socket: HyperDHT.UDXSocket, buf: Uint8Array, rinfo: HyperDHT.Address): void
  /** Serves the requests of a plugin while the node is persistent. */
  register(name: string, plugin: HyperDHT.Plugin): void
  readonly plugins: Map<string, HyperDHT.Plugin>

  addNode(node: HyperDHT.Address): void
  /** The nodes of the routing table. The node heard from last comes first. */
  toArray(opts?: { limit?: number }): HyperDHT.Address[]
  /** Fills the routing table: runs a query for a random target in the background. */
  refresh(): void
  address(): HyperDHT.SocketAddress | null
  localAddress(): HyperDHT.Address | null
  /** The address at which any node reaches us. Null if there is none. */
  remoteAddress(): HyperDHT.Address | null

  /** @throws {Error} with `code` EADDRINUSE, rejected */
  bind(): Promise<void>
  ready(): Promise<void>
  fullyBootstrapped(): Promise<void>
  /**
   * Takes all announcements back, for 5 seconds at most, ends connections and requests, and closes
   * the sockets. Does nothing to a node that is suspended or destroyed.
   */
  suspend(opts?: { log?: (text: string) => void }): Promise<void>
  /**
   * Binds the sockets again, to the same ports if they are free; servers announce in the
   * background.
   *
   * @throws {Error} rejected, with `code` EADDRINUSE or another; the node stays suspended
   */
  resume(opts?: { log?: (text: string) => void }): Promise<void>
  /** Unannounces all servers (unless forced), closes all connections and the sockets. */
  destroy(opts?: { force?: boolean }): Promise<void>
}

declare namespace HyperDHT {
  type KeyPair = common.KeyPair
  type KeyPairLike = common.KeyPairLike
  type SigningKeyPair = common.SigningKeyPair
  type Signature = common.Signature
  type AnnounceSigner = common.AnnounceSigner
  type MutableSigner = common.MutableSigner
  type Address = common.Address
  type SocketAddress = common.SocketAddress
  type NodeAddress = common.NodeAddress
  type Peer = common.Peer

  type DHTOptions = options.DHTOptions
  type AdaptiveTimeoutOptions = options.AdaptiveTimeoutOptions

  type CreateHandshake = encryption.CreateHandshake
  type ConnectionHandshake = encryption.ConnectionHandshake
  type HandshakeResult = encryption.HandshakeResult
  type CreateSecretStream<Stream extends object | null> = encryption.CreateSecretStream<Stream>
  type SecretStreamOptions = encryption.SecretStreamOptions

  type ConnectOptions = connection.ConnectOptions
  type HolepunchHook = connection.HolepunchHook
  type ConnectionEvents = connection.ConnectionEvents
  type ConnectionPath = connection.ConnectionPath
  type ConnectionError = connection.ConnectionError
  type ConnectTrace = connection.ConnectTrace
  type ConnectionPool = connection.ConnectionPool
  type ConnectionRef = connection.ConnectionRef
  type NoiseSecretStream = connection.NoiseSecretStream
  type RawStream = connection.RawStream

  type UDX = udx.UDX
  type UDXSocket = udx.UDXSocket
  type UDXStream = udx.UDXStream
  type UDXConnectOptions = udx.UDXConnectOptions
  type UDXStreamOptions = udx.UDXStreamOptions
  type NetworkInterfaces = udx.NetworkInterfaces
  type RawStreamSet = udx.RawStreamSet

  type RelayThrough = connection.RelayThrough
  type Relay = relay.Relay
  type RelayOptions = relay.RelayOptions
  type RelayStats = relay.RelayStats

  type ServerOptions = server.ServerOptions
  type ConnectionListener = server.ConnectionListener
  type FirewallHook = server.FirewallHook
  type NoisePayload = server.NoisePayload
  type ServerEvents = server.ServerEvents
  type Server = server.Server

  type QueryOptions = query.QueryOptions
  type UnannounceOptions = query.UnannounceOptions
  type AnnounceOptions = query.AnnounceOptions
  type Reply = query.Reply
  type FindPeerResult = query.FindPeerResult
  type LookupResult = query.LookupResult
  type ImmutableResult = query.ImmutableResult
  type MutableResult = query.MutableResult
  type Query<T> = query.Query<T>

  type RequestOptions = request.RequestOptions
  type Request = request.Request
  type AnswerOptions = request.AnswerOptions
  type Session = request.Session
  type InflightRequest = request.InflightRequest
  type ManualRequest = request.ManualRequest
  type Plugin = request.Plugin
  type PluginRequest = request.PluginRequest
  type RttStats = request.RttStats
  type RttAverages = request.RttAverages

  type NetworkInterface = node.NetworkInterface
  type TableNode = node.TableNode
  type NodeSet = node.NodeSet
  type RoutingTable = node.RoutingTable
  type TableRow = node.TableRow
  type Health = node.Health
  type HealthStats = node.HealthStats
  type HealthTick = node.HealthTick
  type IO = node.IO
  type Config = node.Config
  type Stats = node.Stats
  type Events = node.Events
}
