import HyperDHT = require('../index')
import { Buffer } from './buffer'
import { Address, NodeAddress } from './common'
import { Reply } from './query'
import { UDXSocket } from './udx'

export interface RequestOptions {
  /** False: sent once, and waits for a second at most. Default: sent four times at most. */
  retry?: boolean
  /** Hops, 1 to 255. */
  ttl?: number
  /** One of `dht.io.clientSocket` and `dht.io.serverSocket`. Default: `dht.socket`. */
  socket?: UDXSocket
  /** The session whose `destroy` ends the request. */
  session?: Session
}

/** A request of another node. It may be answered now, later, several times or never. */
export interface Request {
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
  /** The fields of a request that is sent, which mean nothing here. */
  readonly session: null
  readonly ttl: number
  readonly index: number
  readonly sent: number
  readonly retries: number
  readonly timeout: number
  /** Set by `destroy`. */
  readonly destroyed: boolean

  /** @throws {TypeError} for an invalid value, address or socket */
  reply(value: Uint8Array | null, opts?: AnswerOptions): void
  /** Without a token, unless that is asked for. */
  error(code: number, opts?: AnswerOptions): void
  /**
   * Forwards the request, with its transaction id. The other node may answer us or the requester
   * itself (`to`). A requester of the reference accepts that. A requester of ours accepts an answer
   * only from the node that it has asked.
   */
  relay(value: Uint8Array | null, to: Address, opts?: { socket?: UDXSocket }): void
  sendReply(error: number, value: Uint8Array | null, token: boolean, closerNodes: boolean): void
  /** Forwards the request to the address that it was sent to. */
  send(): void
  /** No answer is sent from here on. */
  destroy(): void
  oncycle(): void
  onerror(): void
  onresponse(): void
}

/** A request of `dht.io.createRequest`. */
export interface ManualRequest {
  socket: UDXSocket | null
  readonly from: null
  to: Address
  token: Uint8Array | null
  command: number
  target: Uint8Array | null
  value: Uint8Array | null
  internal: boolean
  session: Session | null
  ttl: number
  readonly sent: number
  /** How often it is sent again, 3 by default. */
  retries: number
  readonly destroyed: boolean

  /** Gets the reply. */
  onresponse: (reply: Reply, req: ManualRequest) => void
  onerror: (err: Error, req: ManualRequest) => void
  send(): void
  /** Gives it up: `onerror` gets `err`. */
  destroy(err?: Error): void
}

/** A request that has neither been answered nor given up. */
export interface InflightRequest {
  tid: number
  to: Address
  internal: boolean
  command: number
  /** How often it was sent so far. */
  sent: number
  /** How often it may be sent again. */
  retries: number
}

export interface AnswerOptions {
  /** Default: the one that the request arrived on. */
  socket?: UDXSocket
  /** Default: the requester. */
  to?: Address
  /** Give it a token. */
  token?: boolean
  /** Give it the nodes closest to the target, if it named one. Default true. */
  closerNodes?: boolean
}

/** Requests and queries that can be ended together. */
export interface Session {
  readonly dht: HyperDHT
  /** Its requests that wait for their answers, those of its queries included. */
  readonly inflight: Array<InflightRequest & { session: Session }>
  query: HyperDHT['query']
  request: HyperDHT['request']
  ping: HyperDHT['ping']
  /** Rejects all pending requests, by default with an error whose `code` is REQUEST_DESTROYED. */
  destroy(err?: Error): void
}

/** See `hyperdht/lib/plugin`. */
export interface Plugin {
  name: string
  version: number
  onregister(dht: HyperDHT): void
  onrequest(req: PluginRequest, outerReq: Request): void
  onpersistent(): void
  destroy(): void
}

export interface PluginRequest {
  plugin: string
  version: number
  command: number
  value: Buffer | null
}

export interface RttStats {
  successes: number
  errors: number
  responses: RttAverages
  closestReplies: RttAverages
}

export interface RttAverages {
  /** Milliseconds. */
  avgRtt: number
  errors: number
  avgCloserNodes: number
}
