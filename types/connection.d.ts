import { Buffer } from './buffer'
import { Address, KeyPairLike } from './common'
import { Emitter } from './emitter'
import { CreateHandshake, CreateSecretStream } from './encryption'
import { Duplex, ReadableEvents, WritableEvents } from './stream'
import { StreamFacts } from './udx'

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
}

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

/** The UDX stream below a connection: its addresses and its transport statistics. */
export interface RawStream extends Emitter<{ close: []; 'remote-changed': [] }>, StreamFacts {
  readonly readable: boolean
  readonly writable: boolean
  readonly destroying: boolean
  readonly destroyed: boolean

  /** @deprecated Throws: the stream is connected. */
  connect(...args: unknown[]): never
  destroy(err?: Error): void
}
