import * as udx from './types/udx'

export = UDX

/** UDX streams, and the sockets that carry them, as in the npm module `udx-native`. */
interface UDX extends udx.UDX {}

declare class UDX {
  constructor(opts?: udx.UDXOptions)

  static isIPv4(host: string): boolean
  static isIPv6(host: string): boolean
  /** The family of an address: 4 or 6. 0 if it is none. */
  static isIP(host: string): 0 | 4 | 6
}

declare namespace UDX {
  type Protect = udx.Protect
  type UDXOptions = udx.UDXOptions
  type UDXSocket = udx.UDXSocket
  type UDXSocketOptions = udx.UDXSocketOptions
  type UDXStream = udx.UDXStream
  type UDXStreamOptions = udx.UDXStreamOptions
  type UDXConnectOptions = udx.UDXConnectOptions
  type NetworkInterfaces = udx.NetworkInterfaces
}
