import { Buffer } from './buffer'
import { Address, KeyPairLike } from './common'
import { CodedError, Emitter } from './emitter'
import { CreateHandshake, CreateSecretStream } from './encryption'
import { Duplex, ReadableEvents, WritableEvents } from './stream'
import { UDXStream } from './udx'

export interface ConnectOptions {
  keyPair?: KeyPairLike
  /** Use the path and the socket of an earlier connection, if the server wants that too. */
  reusableSocket?: boolean
  /** If it has a connection to the peer, that one is returned. */
  pool?: ConnectionPool | null
  /** Nodes that may know the server, asked first. */
  relayAddresses?: Address[]
  /** LAN shortcut. Default true. */
  localConnection?: boolean
  /** An early punch packet. Default true. */
  fastOpen?: boolean
  /** Whether to punch; false aborts. */
  holepunch?: HolepunchHook
  /** Blind relays: one of them carries the connection until a direct path is found. */
  relayThrough?: RelayThrough | null
  /** Milliseconds, default 5000: the keep-alive of the connection to the relay. */
  relayKeepAlive?: number
  /** Makes the handshake. */
  createHandshake?: CreateHandshake | null
  /** Makes the secret stream, which `connect` then returns. */
  createSecretStream?: CreateSecretStream<object> | null
  [unknown: string]: unknown
}

/** The public key of a blind relay, several of them, or a function that returns either. */
export type RelayThrough = Uint8Array | Uint8Array[] | (() => Uint8Array | Uint8Array[] | null)

export type HolepunchHook = (
  remoteFirewall: number,
  localFirewall: number,
  /** `verified`: the peer has proved that it receives on this host. */
  remoteAddresses: Array<Address & { verified: boolean }>,
  /** Port 0 behind a NAT with random ports; null while our NAT is unknown. */
  localAddresses: Array<Address & { hits: number }> | null
) => boolean

export interface ConnectionEvents extends ReadableEvents<Buffer>, WritableEvents {
  open: []
  handshake: []
  connect: []
  /** An unordered message. */
  message: [message: Buffer]
  /** The packets go elsewhere from here on. Not in the reference. */
  path: [path: ConnectionPath]
  error: [err: ConnectionError]
}

export interface ConnectionError extends CodedError {
  /** If `connect` failed: why, and what it did until then. Not in the reference. */
  trace?: ConnectTrace
}

/** What an attempt to connect did until it failed. */
export interface ConnectTrace {
  /** Why it failed. Several reasons share a code where the reference does not tell them apart. */
  reason: ConnectReason
  /** Why no direct path was found, if a blind relay was waited for after that. */
  direct: ConnectReason | null
  /** The steps that were reached, each once, with the milliseconds since the call. */
  steps: Array<{ step: ConnectStep; ms: number }>
  /** The node that led to the server. */
  node: Address | null
  /** The address of the server, as that node sees it. */
  server: Address | null
  /** The public key of the blind relay. */
  relay: Buffer | null
  localNat: NatClass
  /** What the server has told. */
  remoteNat: NatClass
  /** How many nodes have answered the search for the server. */
  nodes: number
  /** How many handshakes were sent, each through another node. */
  handshakes: number
  /** How many punching rounds were sent. */
  rounds: number
  /** How many probes were sent. */
  probes: number
}

export type ConnectStep =
  /** The search for nodes that know the server. */
  | 'search'
  /** A node knows the server. */
  | 'found'
  /** The handshake was sent. */
  | 'handshake'
  /** The server has answered. */
  | 'answered'
  /** A ping to the server's local address. */
  | 'lan'
  /** A blind relay was asked. */
  | 'relay'
  /** The first punching round. */
  | 'round'
  /** Both ends have told what they know of their NATs. */
  | 'analyzed'
  /** The server was asked to punch. */
  | 'agree'
  /** Both ends send probes. */
  | 'punch'
  | 'failed'

/** 'consistent': all destinations see one port; 'random': each sees another one. */
export type NatClass = 'unknown' | 'open' | 'consistent' | 'random'

export type ConnectReason =
  /** No node of the DHT has answered: no network, or no UDP. */
  | 'noAnswer'
  /** No node knows the server. */
  | 'notAnnounced'
  /** Nodes know the server, and the handshake came back through none of them. */
  | 'notReached'
  | 'handshakeInvalid'
  | 'serverIncompatible'
  | 'serverError'
  | 'serverWithoutUdx'
  /** The server offers no way to punch, and no address. */
  | 'noWay'
  /** The server has sent nothing to our address, at which strangers reach us. */
  | 'serverSilent'
  /** The server did not answer at its local address, and offers no way to punch. */
  | 'lanSilent'
  /** The server has not answered a punching round. */
  | 'roundSilent'
  /** The server has stopped the punch. */
  | 'serverAborted'
  /** The server's budget for random punches is spent, and this attempt ends before a part comes back. */
  | 'tryLater'
  /** This node's budget for random punches is spent, and this attempt ends before a part comes back. */
  | 'throttled'
  /** One end could not find out how its NAT maps ports. */
  | 'natUnknown'
  /** Both NATs take another port for each destination. */
  | 'randomNats'
  /** The server was asked to punch, and does not. */
  | 'serverNotPunching'
  /** The server has told no address that can be punched. */
  | 'noStrategy'
  /** Both ends have punched, and no probe has arrived. */
  | 'probesLost'
  /** No socket could be bound, or it was closed. */
  | 'noSocket'
  /** The hook `holepunch` has refused. */
  | 'vetoed'
  /** The blind relay cannot be reached, or has not paired the two ends in time. */
  | 'relayFailed'
  | 'suspended'
  | 'nodeDestroyed'
  | 'nodeFailed'

/**
 * Keeps at most one connection to each peer: of two, one is destroyed with the code
 * DUPLICATE_CONNECTION, the same at both ends.
 */
export interface ConnectionPool
  extends Emitter<{ connection: [connection: NoiseSecretStream, ref: ConnectionRef] }> {
  /** The number of connections that are not open yet. */
  readonly connecting: number
  /** The open connections. */
  readonly connections: IterableIterator<ConnectionRef>
  has(publicKey: Uint8Array): boolean
  get(publicKey: Uint8Array): NoiseSecretStream | null
  /** Takes the connections of a server, as the option `pool` does. */
  attachServer(server: object): void
  /** Takes a connection that is being made, as the option `pool` does. */
  attachStream(connection: NoiseSecretStream): void
}

/** A connection of a pool. Its users count themselves. */
export interface ConnectionRef {
  readonly stream: NoiseSecretStream
  active(): void
  inactive(): void
  /** Destroys the connection. */
  release(): void
}

/** Where the packets of a connection go. Not in the reference. */
export interface ConnectionPath {
  /** 'lan': the peer is on this host or in a private network; 'relayed': a relay forwards them. */
  kind: 'direct' | 'lan' | 'relayed'
  /** The public key of the relay. */
  relay: Buffer | null
  /** Where they are sent. */
  remoteAddress: Address
  /** Milliseconds. */
  rtt: number
  /** Unix time in milliseconds at which the connection took this path. */
  since: number
  /** How the NATs were punched: by addresses that keep, or by guessing random ones. */
  punch: 'consistent' | 'random' | null
}

/** An encrypted connection: a Duplex of streamx. One write is one message. */
export interface NoiseSecretStream extends Duplex<Buffer, Uint8Array | string, ConnectionEvents> {
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
  /** Null before the connection has a path. Not in the reference. */
  readonly path: ConnectionPath | null
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
  /** Sends an unordered message. It may be lost. */
  send(message: Uint8Array | string): Promise<boolean> | undefined
  trySend(message: Uint8Array | string): void
  /** Resolves with true when the peer has received everything written, with false if it cannot. */
  flush(): Promise<boolean>
  alloc(length: number): Buffer
  toJSON(): object
}

/**
 * The UDX stream below a connection. The secret stream reads and writes its bytes, so it has no
 * 'data'; messages, and changes of where the packets go, are the program's.
 */
export interface RawStream extends UDXStream {
  /** @deprecated Throws: write to the connection. */
  write(data: never): never
}
