import { Buffer } from './buffer'
import { SocketAddress } from './common'
import { Emitter } from './emitter'
import { NetworkInterface } from './node'
import { Duplex, ReadableEvents, WritableEvents } from './stream'

/**
 * Called with each UDP socket before anything is sent from it. The number is a file descriptor, on
 * Windows a `SOCKET`. It is valid during the call, and the socket must stay open.
 *
 * If the function throws or returns false, the socket is closed, and what it was opened for fails:
 * with what was thrown, or with it as the `cause`. It must not return a promise.
 */
export type Protect = (fd: number) => unknown

export interface UDXOptions {
  /** Called with each socket of the instance. A node that has the instance calls it, too. */
  protect?: Protect
}

export interface UDXStreamOptions {
  /** Delivers frames in one piece. A frame begins with its length in three bytes, little endian. */
  framed?: boolean
  /**
   * Decides on packets that arrive on another socket than the stream's: false lets them in. It may
   * connect the stream. Without it they are dropped.
   */
  firewall?(this: UDXStream, socket: UDXSocket, port: number, host: string, family: number): boolean
  /** The sequence number of the first packet. Default 0, which peers expect. */
  seq?: number
  [unknown: string]: unknown
}

export interface UDXConnectOptions {
  /** The sequence number of the peer's first packet: the option `seq` of its stream. Default 0. */
  ack?: number
}

export interface UDXStreamEvents extends ReadableEvents<Buffer>, WritableEvents {
  connect: []
  /** An unordered message. */
  message: [message: Buffer]
  'remote-changed': []
}

/** A UDX stream: reliable, ordered bytes, and messages that may be lost. */
export interface UDXStream extends Duplex<Buffer, Uint8Array | string, UDXStreamEvents> {
  readonly udx: UDX
  readonly id: number
  /** 0 before the stream is connected. */
  readonly remoteId: number
  readonly remoteHost: string | null
  readonly remotePort: number
  readonly remoteFamily: number
  /** Null before the stream is connected, and after it has closed. */
  readonly socket: UDXSocket | null
  readonly connected: boolean
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
  /** 0 start-up, 1 drain, 2 probes for bandwidth, 3 probes for the round-trip time. */
  readonly bbrState: number
  /** Bytes per second. */
  readonly bbrBandwidth: number
  readonly retransmits: number
  readonly fastRecoveries: number
  readonly rtoCount: number
  readonly bytesTransmitted: number
  readonly bytesReceived: number
  readonly packetsTransmitted: number
  readonly packetsReceived: number
  userData: unknown

  /** Resolves with true when the peer has acknowledged everything, with false if it cannot. */
  flush(): Promise<boolean>
  /** A hint to send small packets at once. It has no effect, because the core always does so. */
  setInteractive(interactive: boolean): void
  toJSON(): object

  /**
   * Connects the stream to a stream of a peer. The socket has to be one of the same node, or of the same instance without a node.
   *
   * @param host an IPv4 or IPv6 address; 127.0.0.1 by default
   */
  connect(
    socket: UDXSocket,
    remoteId: number,
    port: number,
    host?: string | null,
    opts?: UDXConnectOptions
  ): void
  connect(socket: UDXSocket, remoteId: number, port: number, opts: UDXConnectOptions): void
  /** Sends the packets elsewhere. Resolves when the peer has what was sent before. */
  changeRemote(
    socket: UDXSocket,
    remoteId: number,
    port: number,
    host?: string | null
  ): Promise<void>
  /** Forwards the packets of the peer to the peer of another stream of the same node or instance. */
  relayTo(destination: UDXStream): void
  /** Sends an unordered message. It may be lost. False if the stream is not connected. */
  send(message: Uint8Array | string): Promise<boolean>
  trySend(message: Uint8Array | string): void
  /** Sends a heartbeat when nothing was sent for so long. 0 is never. */
  setKeepalive(ms: number): void
}

export interface UDXSocketEvents {
  listening: []
  /** A datagram of a socket that the program has bound. */
  message: [data: Buffer, from: SocketAddress]
  busy: []
  idle: []
  close: []
}

export interface UDXSocketOptions {
  ipv6Only?: boolean
  reuseAddress?: boolean
}

/** A UDP socket of a program, or of a node. */
export interface UDXSocket extends Emitter<UDXSocketEvents> {
  readonly udx: UDX
  /** -1 before the socket is bound. */
  readonly id: number
  readonly bound: boolean
  readonly closing: boolean
  readonly idle: boolean
  readonly busy: boolean
  readonly streams: Set<UDXStream>
  userData: unknown

  /** These numbers count all datagrams, including those of the DHT. */
  readonly bytesTransmitted: number
  readonly bytesReceived: number
  readonly packetsTransmitted: number
  readonly packetsReceived: number
  /** Always 0: it is not known. */
  readonly packetsDroppedByKernel: number

  address(): SocketAddress | null
  /**
   * Without a host, all addresses of both families where the system has IPv6.
   *
   * @throws {Error} with `code` EADDRINUSE or another
   */
  bind(port?: number, host?: string): void
  /** Closes a socket of the program, when its last stream has left. */
  close(): Promise<void>
  /** False if the socket is closing. A datagram may be lost. */
  send(data: Uint8Array, port: number, host?: string | null, ttl?: number): Promise<boolean>
  trySend(data: Uint8Array, port: number, host?: string | null, ttl?: number): void
  /** @throws {Error} with `code` EINVAL unless it is from 1 to 255 */
  setTTL(ttl: number): void
  /** Bytes of the system's buffer for datagrams that were not read yet. */
  getRecvBufferSize(): number
  /** @throws {Error} with `code` EINVAL or EBADF. Linux reports twice the size. */
  setRecvBufferSize(bytes: number): void
  getSendBufferSize(): number
  setSendBufferSize(bytes: number): void
  addMembership(group: string, interfaceAddress?: string): void
  dropMembership(group: string, interfaceAddress?: string): void
  toJSON(): object
}

/** The addresses of this host, and a watch that tells of changes. */
export interface NetworkInterfaces
  extends Emitter<{ change: [interfaces: NetworkInterface[]]; close: [] }>,
    Iterable<NetworkInterface> {
  readonly interfaces: NetworkInterface[]
  watch(): this
  unwatch(): this
  destroy(): Promise<unknown>
}

/** UDX streams, and the sockets that carry them. */
export interface UDX {
  readonly bytesTransmitted: number
  readonly bytesReceived: number
  readonly packetsTransmitted: number
  readonly packetsReceived: number
  readonly packetsDroppedByKernel: number

  createSocket(opts?: UDXSocketOptions): UDXSocket
  /** @param id by which the peer addresses the stream */
  createStream(id: number, opts?: UDXStreamOptions): UDXStream
  /** @throws {Error} rejected, with `code` EAI_NONAME */
  lookup(host: string, opts?: { family?: 0 | 4 | 6 }): Promise<{ host: string; family: number }>
  networkInterfaces(): NetworkInterface[]
  watchNetworkInterfaces(onchange?: (interfaces: NetworkInterface[]) => void): NetworkInterfaces
}

/** All UDX streams of a node, those of its connections included. */
export interface RawStreamSet extends Iterable<UDXStream> {
  readonly size: number
  add(opts?: UDXStreamOptions): UDXStream
  /** Destroys all streams, and resolves when they have closed. */
  clear(): Promise<void>
}
