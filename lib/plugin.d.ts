import HyperDHT = require('..')

export = Plugin

/** Commands of an application of its own, which persistent nodes with the same plugin serve. */
declare class Plugin implements HyperDHT.Plugin {
  /** @param version requests of other versions are not answered */
  constructor(name: string, version: number)

  name: string
  version: number
  /** Null until it is registered. */
  dht: HyperDHT | null

  onregister(dht: HyperDHT): void
  onrequest(req: HyperDHT.PluginRequest, outerReq: HyperDHT.Request): void
  onpersistent(): void
  destroy(): void

  request(
    message: {
      command: number
      target?: Uint8Array | null
      token?: Uint8Array | null
      value?: Uint8Array | null
    },
    to: HyperDHT.Address,
    opts?: HyperDHT.RequestOptions
  ): Promise<HyperDHT.Reply>
  query(
    message: { command: number; target: Uint8Array; value?: Uint8Array | null },
    opts?: HyperDHT.QueryOptions
  ): HyperDHT.Query<HyperDHT.Reply>
}
