import { Buffer } from './buffer'
import { Address, KeyPairLike } from './common'
import { Emitter } from './emitter'
import { Duplex, ReadableEvents, WritableEvents } from './stream'
import { StreamFacts } from './udx'

export interface ConnectOptions {
  keyPair?: KeyPairLike
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
export interface RawStream extends Emitter<{ close: [] }>, StreamFacts {
  readonly readable: boolean
  readonly writable: boolean
  readonly destroying: boolean
  readonly destroyed: boolean

  /** @deprecated Throws: the stream is connected. */
  connect(...args: unknown[]): never
  destroy(err?: Error): void
}
