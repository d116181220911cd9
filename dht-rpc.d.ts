import HyperDHT = require('./index')
import { Emitter } from './types/emitter'

export = DHT

/** A node of a DHT with the program's own commands, as in the npm module `dht-rpc`. */
interface DHT extends Emitter<HyperDHT.Events>, Pick<HyperDHT, DHT.Members> {}

declare class DHT {
  /** @throws {TypeError | RangeError} for options of a wrong type or out of range */
  constructor(opts?: DHT.Options)

  /** A node that other nodes bootstrap from, at the given public address. */
  static bootstrapper(port: number, host: string, opts?: DHT.Options): DHT

  static readonly DEFAULTS: { concurrency: number; maxWindow: number; maxPingDelay: number }
  static readonly OK: 0
  static readonly ERROR_UNKNOWN_COMMAND: 1
  static readonly ERROR_INVALID_TOKEN: 2
}

declare namespace DHT {
  interface Options extends HyperDHT.DHTOptions {
    /** Whether a node that we have heard from may enter the routing table. */
    filterNode?: (from: HyperDHT.NodeAddress) => unknown
    /** The former name of `filterNode`. */
    addNode?: (from: HyperDHT.NodeAddress) => unknown
  }

  /** What such a node has of a node of hyperdht. */
  type Members =
    | State
    | 'query'
    | 'findNode'
    | 'request'
    | 'ping'
    | 'delayedPing'
    | 'session'
    | 'rttStats'
    | 'onrequest'
    | 'addNode'
    | 'toArray'
    | 'refresh'
    | 'address'
    | 'localAddress'
    | 'remoteAddress'
    | 'bind'
    | 'ready'
    | 'fullyBootstrapped'
    | 'suspend'
    | 'resume'
    | 'destroy'

  type State =
    | 'id'
    | 'host'
    | 'port'
    | 'randomized'
    | 'firewalled'
    | 'ephemeral'
    | 'adaptive'
    | 'bootstrapped'
    | 'destroyed'
    | 'suspended'
    | 'online'
    | 'degraded'
    | 'concurrency'
    | 'maxPingDelay'
    | 'bootstrapNodes'
    | 'socket'
    | 'udx'
    | 'nodes'
    | 'table'
    | 'health'
    | 'io'
    | 'stats'
}
