import { Buffer } from './buffer'

/** What `DHT.keyPair` makes. */
export interface KeyPair {
  publicKey: Buffer
  secretKey: Buffer
}

/** A key pair that the caller brings, in any kind of byte array. */
export interface KeyPairLike {
  publicKey: Uint8Array
  secretKey: Uint8Array
}

/** A key pair that can sign: with its secret key, with its `sign`, or with an option that signs. */
export type SigningKeyPair =
  | KeyPairLike
  | { publicKey: Uint8Array; secretKey?: undefined; sign?(signable: Buffer): Signature }

export type Signature = Uint8Array | Promise<Uint8Array>

/** Signs an announcement for one node, and for the token that the node gave. */
export type AnnounceSigner = (
  target: Buffer,
  token: Buffer,
  id: Buffer,
  announce: { peer: Peer; refresh?: null; signature: null; bump?: number },
  keyPair: SigningKeyPair
) => Signature

export type MutableSigner = (seq: number, value: Uint8Array, keyPair: SigningKeyPair) => Signature

export interface Address {
  host: string
  port: number
}

export interface SocketAddress extends Address {
  family: 4 | 6
}

export interface NodeAddress extends Address {
  id: Buffer | null
}

export interface Peer {
  publicKey: Buffer
  relayAddresses: Address[]
}
