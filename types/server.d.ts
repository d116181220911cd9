import HyperDHT = require('../index')
import { Buffer } from './buffer'
import { Address, AnnounceSigner, SigningKeyPair } from './common'
import { ConnectionPool, HolepunchHook, NoiseSecretStream, RelayThrough } from './connection'
import { CodedError, Emitter } from './emitter'
import { CreateHandshake, CreateSecretStream } from './encryption'

export interface ServerOptions {
  /** If it returns true, the client is refused, and gets no answer. */
  firewall?: FirewallHook
  /** False: never. */
  holepunch?: HolepunchHook | false
  /** Tell clients our LAN addresses. Default true. */
  shareLocalAddress?: boolean
  /** Milliseconds, default 10000. */
  handshakeClearWait?: number
  /** Clients may use the path and the socket of an earlier connection. */
  reusableSocket?: boolean
  /** Takes the connections of the server. */
  pool?: ConnectionPool | null
  /** Blind relays: one of them carries each connection until a direct path is found. */
  relayThrough?: RelayThrough | null
  /** Milliseconds, default 5000: the keep-alive of connections to relays. */
  relayKeepAlive?: number
  /** Makes the handshakes of clients. */
  createHandshake?: CreateHandshake | null
  /** Makes the secret streams, which are then the connections of the server. */
  createSecretStream?: CreateSecretStream<object | null> | null
  onconnection?: ConnectionListener
  [unknown: string]: unknown
}

export type ConnectionListener = (connection: NoiseSecretStream) => void

export type FirewallHook = (
  remotePublicKey: Buffer,
  payload: NoisePayload,
  address: Address
) => boolean | Promise<boolean>

export interface NoisePayload {
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

export interface ServerEvents {
  listening: []
  connection: [connection: NoiseSecretStream]
  close: []
  /** Never emitted: what fails rejects. Programs that listen do no harm. */
  error: [err: CodedError]
}

/** Accepts connections to a key pair. */
export interface Server extends Emitter<ServerEvents> {
  readonly dht: HyperDHT
  /** Hash of the public key; null before `listen`. */
  readonly target: Buffer | null
  readonly publicKey: Buffer | null
  readonly relayAddresses: Address[]
  readonly listening: boolean
  readonly closed: boolean
  readonly suspended: boolean
  /** Null removes the hook. */
  get firewall(): FirewallHook
  set firewall(hook: FirewallHook | null)
  /** Null removes the hook. */
  get holepunch(): HolepunchHook
  set holepunch(hook: HolepunchHook | null)
  /** Null is the default, which makes a NoiseWrap. A change holds for the handshakes to come. */
  get createHandshake(): CreateHandshake
  set createHandshake(fn: CreateHandshake | null)
  /** Null: the node makes the secret streams. A change holds for the handshakes to come. */
  createSecretStream: CreateSecretStream<object | null> | null
  handshakeClearWait: number
  /** Takes the connections, from `listen` on. */
  pool: ConnectionPool | null
  /** Null: none. A change holds for the handshakes to come. */
  relayThrough: RelayThrough | null
  /** Milliseconds. A change holds from the next `listen` on. */
  relayKeepAlive: number

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
  /** Unannounces the key pair and refuses clients, until `resume`. Connections stay open. */
  suspend(opts?: { log?: (text: string) => void }): Promise<void>
  /** Announces again, in the background. */
  resume(): Promise<void>
  address(): { publicKey: Buffer; host: string | null; port: number } | null
  refresh(): void
  /** Emits 'connection'. */
  onconnection(connection: NoiseSecretStream): void
  notifyOnline(): void
}
