import { Buffer } from './buffer'
import { KeyPairLike } from './common'
import { NoisePayload } from './server'
import { UDXStream } from './udx'

/** Makes the handshake of a connection. `remotePublicKey` is null for a server. */
export type CreateHandshake = (
  keyPair: KeyPairLike,
  remotePublicKey: Buffer | null
) => ConnectionHandshake

/** A NoiseWrap of `hyperdht/lib/noise-wrap`, or an object like it. */
export interface ConnectionHandshake {
  /** The peer's public key. A server knows it after `recv`. */
  readonly remotePublicKey?: Uint8Array | null
  /** The next message. */
  send(payload: NoisePayload): Uint8Array | Promise<Uint8Array>
  /** The payload of a message of the peer. */
  recv(message: Buffer): NoisePayload | null | Promise<NoisePayload | null>
  /** After the last message. */
  final(): HandshakeResult
}

export interface HandshakeResult {
  isInitiator: boolean
  publicKey: Uint8Array
  remotePublicKey: Uint8Array
  /** 64 bytes, the same at both ends. */
  hash: Uint8Array
  /** 32 bytes, with which we receive. */
  rx: Uint8Array
  /** 32 bytes, with which we send. */
  tx: Uint8Array
  /** 32 bytes, with which both ends encrypt their messages about the punch. */
  holepunchSecret: Uint8Array
}

/**
 * Makes the secret stream of a connection, as `new NoiseSecretStream(isInitiator, rawStream, opts)`
 * of @hyperswarm/secret-stream does. A client gets no raw stream: its stream has a method `start`,
 * which is called with the raw stream and `{ handshake }`. A server's function may return null, and
 * use the raw stream itself.
 */
export type CreateSecretStream<Stream extends object | null> = (
  isInitiator: boolean,
  rawStream: UDXStream | null,
  opts: SecretStreamOptions
) => Stream

export interface SecretStreamOptions {
  /** Milliseconds; 0 is off. */
  keepAlive: number
  /** Of a server's stream. */
  handshake?: HandshakeResult
  /** Of a client's stream. */
  publicKey?: Buffer
  remotePublicKey?: Buffer
  autoStart?: false
}
