/// <reference types="node" />

import { EventEmitter } from 'events'
import { Duplex, DuplexEvents, Readable, ReadableEvents } from 'streamx'

export = HyperDHT

declare class HyperDHT extends EventEmitter<HyperDHT.Events> {
  /** @throws {TypeError | RangeError} for options of a wrong type or out of range */
  constructor(opts?: HyperDHT.DHTOptions)

  /** An Ed25519 key pair, random without a seed of 32 bytes. */
  static keyPair(seed?: Uint8Array): HyperDHT.KeyPair
  /** BLAKE2b with 32 bytes of digest. */
  static hash(data: Uint8Array): Buffer
  /** A node that others bootstrap from, at an address that it is known by. */
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

  /** Our id in the routing tables of others; null while ephemeral. */
  readonly id: Buffer | null
  /** Our address as others see it; null while unknown or not the same for all. */
  readonly host: string | null
  /** 0 while unknown or not the same for all. */
  readonly port: number
  /** True if every peer sees another port of ours. */
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
  /** Plain numbers, which may be written to. */
  readonly stats: HyperDHT.Stats

  /**
   * Connects to a server. Failures arrive as 'error'.
   *
   * @param remotePublicKey 32 bytes, a hyperdht-address, hex or z-base-32
   * @throws {Error} for a malformed key
   */
  connect(
    remotePublicKey: Uint8Array | string,
    opts?: HyperDHT.ConnectOptions
  ): HyperDHT.NoiseSecretStream

  createServer(onconnection?: HyperDHT.ConnectionListener): HyperDHT.Server
  createServer(
    opts: HyperDHT.ServerOptions,
    onconnection?: HyperDHT.ConnectionListener
  ): HyperDHT.Server

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
  /** Takes the record back wherever it shows; nodes that do not obey are no error. */
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
  /** Null if nobody has them. */
  immutableGet(
    target: Uint8Array,
    opts?: HyperDHT.QueryOptions
  ): Promise<HyperDHT.ImmutableResult | null>
  /** Stores bytes, about 1870 at most, under a public key. Resolves if they are outdated, too. */
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
  /** Null if nobody has one. */
  mutableGet(
    publicKey: Uint8Array,
    opts?: HyperDHT.QueryOptions & {
      /** Nothing older. Default 0. */
      seq?: number
      /** Ask all nodes for the latest. Default true; false takes the first that is found. */
      latest?: boolean
      /** True stores what was found at the closest nodes again. */
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
   * A ping that the remote answers after `delayMs`.
   *
   * @throws {Error} at once, beyond `maxPingDelay`
   */
  delayedPing(
    to: HyperDHT.Address,
    delayMs: number,
    opts?: HyperDHT.RequestOptions
  ): Promise<HyperDHT.Reply>
  /** Requests and queries that can be ended together. */
  session(): HyperDHT.Session
  /** Times and errors of a walk through the network. */
  rttStats(): Promise<HyperDHT.RttStats>
  /** The addresses whose hosts this host hears itself on; each host is tried once. */
  validateLocalAddresses<T extends HyperDHT.Address>(addresses: Iterable<T>): Promise<T[]>

  /**
   * Answers a request of another node. Subclasses may override it, programs assign it; then all
   * requests come here. The default serves what the protocol has, and emits 'request' for the rest.
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
  /** The nodes of the routing table, the latest heard first. */
  toArray(opts?: { limit?: number }): HyperDHT.Address[]
  /** Asks for a random target in the background, which fills the routing table. */
  refresh(): void
  address(): HyperDHT.SocketAddress | null
  localAddress(): HyperDHT.Address | null
  /** Where strangers reach us; null if they do not. */
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
  interface KeyPair {
    publicKey: Buffer
    secretKey: Buffer
  }

  /** One that can sign: by itself, with its secret key, or with the option that signs for it. */
  type SigningKeyPair =
    | KeyPair
    | { publicKey: Buffer; secretKey?: undefined; sign?(signable: Buffer): Signature }

  type Signature = Buffer | Promise<Buffer>

  /** Signs an announcement for one node, for the token that it gave. */
  type AnnounceSigner = (
    target: Buffer,
    token: Buffer,
    id: Buffer,
    announce: { peer: Peer; refresh?: null; signature: null; bump?: number },
    keyPair: SigningKeyPair
  ) => Signature

  type MutableSigner = (seq: number, value: Uint8Array, keyPair: SigningKeyPair) => Signature

  interface Address {
    host: string
    port: number
  }

  interface SocketAddress extends Address {
    family: 4
  }

  interface NodeAddress extends Address {
    id: Buffer | null
  }

  interface AdaptiveTimeoutOptions {
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

  interface DHTOptions {
    /** Nodes to ask first, as `host:port`, `ip@host:port`, objects or ports of this host. */
    bootstrap?: Array<string | number | Address> | false
    /** Nodes for the routing table. */
    nodes?: Address[]
    /** Tried first, with the four behind it; or a range. Default 49737. */
    port?: number | [from: number, to: number]
    /** IPv4 address to bind. Default '0.0.0.0'. */
    host?: string
    /** Bind any port if those are occupied. Default true. */
    anyPort?: boolean
    keyPair?: KeyPair
    /** 32 bytes for the default key pair. */
    seed?: Uint8Array
    /** Milliseconds, default 5000; false is off. */
    connectionKeepAlive?: number | false
    /** Milliseconds, default 20000. */
    randomPunchInterval?: number
    /** The first random punch waits for `randomPunchInterval` as well. */
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
    [unknown: string]: unknown
  }

  interface ConnectOptions {
    keyPair?: KeyPair
    /** Nodes that may know the server, asked first. */
    relayAddresses?: Address[]
    /** LAN shortcut. Default true. */
    localConnection?: boolean
    /** An early punch packet. Default true. */
    fastOpen?: boolean
    /** Whether to punch; false aborts. */
    holepunch?: HolepunchHook
    [unknown: string]: unknown
  }

  interface ServerOptions {
    /** True refuses a client, silently. */
    firewall?: FirewallHook
    /** False: never. */
    holepunch?: HolepunchHook | false
    /** Tell clients our LAN addresses. Default true. */
    shareLocalAddress?: boolean
    /** Milliseconds, default 10000. */
    handshakeClearWait?: number
    onconnection?: ConnectionListener
    [unknown: string]: unknown
  }

  type ConnectionListener = (connection: NoiseSecretStream) => void

  type FirewallHook = (
    remotePublicKey: Buffer,
    payload: NoisePayload,
    address: Address
  ) => boolean | Promise<boolean>

  type HolepunchHook = (
    remoteFirewall: number,
    localFirewall: number,
    remoteAddresses: Address[],
    localAddresses: Address[]
  ) => boolean

  interface NoisePayload {
    version: number
    error: number
    firewall: number
    holepunch: {
      id: number
      relays: Array<{ relayAddress: Address; peerAddress: Address }>
    } | null
    addresses4: Address[]
    addresses6: Address[]
    udx: { version: number; reusableSocket: boolean; id: number; seq: number } | null
    secretStream: { version: number } | null
    relayThrough: { version: number; publicKey: Buffer; token: Buffer } | null
    relayAddresses: Address[] | null
  }

  class Server extends EventEmitter<{
    listening: []
    connection: [connection: NoiseSecretStream]
    close: []
  }> {
    private constructor()

    readonly dht: HyperDHT
    /** Hash of the public key; null before `listen`. */
    readonly target: Buffer | null
    readonly publicKey: Buffer | null
    readonly relayAddresses: Address[]
    readonly listening: boolean
    readonly closed: boolean
    readonly suspended: boolean
    firewall: FirewallHook
    holepunch: HolepunchHook
    handshakeClearWait: number

    /**
     * Announces the key pair; resolves when clients can find it.
     *
     * @throws {Error} rejected, with `code` ALREADY_LISTENING, NODE_DESTROYED or
     *   KEYPAIR_ALREADY_USED
     */
    listen(
      keyPair?: SigningKeyPair,
      opts?: { signAnnounce?: AnnounceSigner; signUnannounce?: AnnounceSigner }
    ): Promise<this>
    /** Unannounces the key pair; connections stay open. */
    close(): Promise<void>
    /** Takes the announcement back and refuses clients; connections stay open. */
    suspend(opts?: { log?: (text: string) => void }): Promise<void>
    /** Announces again, in the background. */
    resume(): Promise<void>
    address(): { publicKey: Buffer; host: string | null; port: number } | null
    refresh(): void
    notifyOnline(): void
  }

  interface ConnectionEvents extends DuplexEvents {
    open: []
    handshake: []
    connect: []
    data: [data: Buffer]
    message: [message: Buffer]
  }

  /** An encrypted connection; one write is one message. */
  class NoiseSecretStream extends Duplex<ConnectionEvents> {
    private constructor()

    write(data: Uint8Array | string): boolean
    end(data?: Uint8Array | string): this
    read(): Buffer | null
    [Symbol.asyncIterator](): AsyncIterator<Buffer>

    readonly noiseStream: this
    readonly isInitiator: boolean
    readonly publicKey: Buffer
    readonly remotePublicKey: Buffer
    /** The same 64 bytes at both ends; null before 'handshake'. */
    readonly handshakeHash: Buffer | null
    readonly connected: boolean
    /** Never rejects; false if the stream ended before it opened. */
    readonly opened: Promise<boolean>
    readonly rawStream: RawStream | null
    readonly rawBytesWritten: number
    readonly rawBytesRead: number
    /** Milliseconds; 0 is off. */
    readonly keepAlive: number
    /** Milliseconds; 0 is off. */
    readonly timeout: number
    enableSend: boolean
    userData: unknown

    setKeepAlive(ms: number): void
    setTimeout(ms: number): void
    sendKeepAlive(): void
    /** Sends an unordered message that may be lost. */
    send(message: Uint8Array | string): Promise<boolean> | undefined
    trySend(message: Uint8Array | string): void
    /** Resolves when the peer has everything that was written; false if it never will. */
    flush(): Promise<boolean>
    alloc(length: number): Buffer
    toJSON(): object
  }

  class RawStream extends EventEmitter<{ close: [] }> {
    private constructor()

    readonly udx: unknown
    readonly id: number
    readonly remoteId: number
    readonly remoteHost: string
    readonly remotePort: number
    readonly remoteFamily: 4
    readonly socket: UDXSocket | null
    readonly connected: boolean
    readonly destroying: boolean
    readonly destroyed: boolean
    readonly localHost: string | null
    readonly localFamily: number
    readonly localPort: number
    /** Milliseconds. */
    readonly rtt: number
    /** Packets. */
    readonly cwnd: number
    /** Bytes. */
    readonly mtu: number
    readonly inflight: number
    readonly retransmits: number
    readonly fastRecoveries: number
    readonly rtoCount: number
    readonly bytesTransmitted: number
    readonly bytesReceived: number
    readonly packetsTransmitted: number
    readonly packetsReceived: number
    userData: unknown

    /** The same for what has left the connection's own queue; false if the stream ends before. */
    flush(): Promise<boolean>
    destroy(err?: Error): void
    toJSON(): object
  }

  class UDXSocket {
    private constructor()

    readonly id: number
    readonly bound: boolean
    readonly closing: boolean
    readonly idle: boolean
    readonly busy: boolean
    readonly streams: Set<RawStream>
    userData: unknown

    /** Of all datagrams, those of the DHT included. */
    readonly bytesTransmitted: number
    readonly bytesReceived: number
    readonly packetsTransmitted: number
    readonly packetsReceived: number

    address(): SocketAddress | null
    toJSON(): object
  }

  /** An address of a network interface. */
  interface NetworkInterface {
    name: string
    host: string
    family: 4 | 6
    /** It leads to this host only. */
    internal: boolean
  }

  /** A node of the routing table, as it was when it was looked at. Times are ticks of 5 s. */
  interface TableNode {
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
  interface NodeSet {
    readonly length: number
    readonly latest: TableNode | null
    readonly oldest: TableNode | null
    has(node: { id: Uint8Array }): boolean
    /** The oldest first, unless reversed. */
    toArray(opts?: { limit?: number; reverse?: boolean }): TableNode[]
  }

  interface RoutingTable {
    readonly id: Buffer
    readonly k: number
    readonly size: number
    get(id: Uint8Array): TableNode | null
    has(id: Uint8Array): boolean
    random(): TableNode | null
    /** At most k, the closest first. */
    closest(id: Uint8Array, k?: number): TableNode[]
    toArray(): TableNode[]
  }

  /** What `online` and `degraded` are judged by, each tick of 5 s. */
  interface Health extends HealthStats {
    readonly stats: HealthStats
    update(): void
  }

  interface HealthStats {
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

  interface IO {
    readonly clientSocket: UDXSocket | null
    readonly serverSocket: UDXSocket | null
    readonly portRange: [from: number, to: number]
    /** Requests that have neither been answered nor given up. */
    readonly inflight: Array<{ tid: number; to: Address }>
    readonly firewalled: boolean
    readonly ephemeral: boolean
    readonly suspended: boolean
  }

  interface QueryOptions {
    /** Asked first. */
    nodes?: Address[]
    closestNodes?: Address[]
    replies?: Reply[]
    closestReplies?: Reply[]
    onlyClosestNodes?: boolean
    /** Past the congestion window, without retries. */
    force?: boolean
    concurrency?: number
    /** Default 5. */
    retries?: number
    /**
     * What follows at each of the closest nodes; the query succeeds if one of them does. True
     * sends the same once more, with the token.
     */
    commit?: boolean | null | ((reply: Reply, dht: HyperDHT, query: Query<unknown>) => unknown)
    session?: Session
  }

  interface UnannounceOptions extends QueryOptions {
    signUnannounce?: AnnounceSigner
  }

  interface AnnounceOptions extends UnannounceOptions {
    signAnnounce?: AnnounceSigner
    /** Unix time in milliseconds that lookups tell; never back, never far ahead. */
    bump?: number
    /** Unannounce wherever the record is, before. */
    clear?: boolean
  }

  interface RequestOptions {
    /** False: one transmission, a second at most. Default: four. */
    retry?: boolean
    /** Hops, 1 to 255. */
    ttl?: number
    /** One of `dht.io.clientSocket` and `dht.io.serverSocket`. Default: `dht.socket`. */
    socket?: UDXSocket
    /** Ends it, if it is destroyed. */
    session?: Session
  }

  /** A request of another node. It may be answered now, later, several times or never. */
  class Request {
    private constructor()

    readonly socket: UDXSocket
    readonly tid: number
    readonly from: NodeAddress
    readonly to: Address
    /** Present only if it was valid. */
    readonly token: Buffer | null
    readonly command: number
    readonly target: Buffer | null
    readonly value: Buffer | null
    readonly internal: false

    /** @throws {TypeError} for a value, address or socket that is none */
    reply(value: Uint8Array | null, opts?: AnswerOptions): void
    /** Without a token, unless that is asked for. */
    error(code: number, opts?: AnswerOptions): void
    /** Sends the request on, with its id: whoever gets it may answer the requester for us. */
    relay(value: Uint8Array | null, to: Address, opts?: { socket?: UDXSocket }): void
    sendReply(error: number, value: Uint8Array | null, token: boolean, closerNodes: boolean): void
  }

  interface AnswerOptions {
    /** Default: the one that the request arrived on. */
    socket?: UDXSocket
    /** Default: the requester. */
    to?: Address
    /** Give it a token. */
    token?: boolean
    /** Give it the nodes closest to the target, if it named one. Default true. */
    closerNodes?: boolean
  }

  class Session {
    private constructor()

    readonly dht: HyperDHT
    query: HyperDHT['query']
    request: HyperDHT['request']
    ping: HyperDHT['ping']
    /** Rejects all that is under way, by default with an error of `code` REQUEST_DESTROYED. */
    destroy(err?: Error): void
  }

  /** See `hyperdht/lib/plugin`. */
  interface Plugin {
    name: string
    version: number
    onregister(dht: HyperDHT): void
    onrequest(req: PluginRequest, outerReq: Request): void
    onpersistent(): void
    destroy(): void
  }

  interface PluginRequest {
    plugin: string
    version: number
    command: number
    value: Buffer | null
  }

  interface RttStats {
    successes: number
    errors: number
    responses: RttAverages
    closestReplies: RttAverages
  }

  interface RttAverages {
    /** Milliseconds. */
    avgRtt: number
    errors: number
    avgCloserNodes: number
  }

  interface Reply {
    tid: number
    /** Milliseconds. */
    rtt: number
    from: NodeAddress
    to: Address
    token: Buffer | null
    /** Ids are told by queries only. */
    closerNodes: Array<Address & { id: Buffer | null }> | null
    error: number
    value: Buffer | null
  }

  interface Peer {
    publicKey: Buffer
    relayAddresses: Address[]
  }

  interface FindPeerResult {
    token: Buffer | null
    from: NodeAddress
    to: Address
    peer: Peer
  }

  interface LookupResult {
    token: Buffer | null
    from: NodeAddress
    to: Address
    peers: Peer[]
    bump: number
  }

  interface ImmutableResult {
    token: Buffer | null
    from: NodeAddress
    to: Address
    value: Buffer
  }

  interface MutableResult extends ImmutableResult {
    seq: number
    signature: Buffer
  }

  interface QueryEvents<T> extends ReadableEvents {
    data: [data: T]
  }

  /** Starts when it is read. */
  class Query<T> extends Readable<QueryEvents<T>> {
    private constructor()

    read(): T | null
    [Symbol.asyncIterator](): AsyncIterator<T>

    readonly dht: HyperDHT
    readonly target: Buffer
    readonly command: number
    readonly value: Buffer | null
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

  interface Config {
    concurrency: number
    maxWindow: number
    randomPunchInterval: number
    connectionKeepAlive: number
    sendDownHints: boolean
    downHintsRateLimit: number
  }

  interface Stats {
    punches: {
      consistent: number
      random: number
      open: number
      tryLater: number
      tryLaterRelayedHandshakesAtLeastOnce: number
    }
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
    /** What the network sent and was thrown away, by reason. Not in the reference. */
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
      | 'request',
      number
    >
  }

  interface Events {
    listening: []
    'nat-update': [host: string | null, port: number]
    ready: []
    persistent: []
    ephemeral: []
    wakeup: []
    /** The interfaces of this host have changed: all of them; 'network-update' follows. */
    'network-change': [interfaces: NetworkInterface[]]
    'network-update': []
    suspend: []
    resume: []
    'add-node': [node: TableNode]
    'remove-node': [node: TableNode]
    /** A command that the node does not know. */
    request: [req: Request]
    close: []
  }
}
