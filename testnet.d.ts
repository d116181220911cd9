import HyperDHT = require('./index')

export = createTestnet

/** Starts `size` persistent nodes on loopback; the first is the bootstrap of the others. */
declare function createTestnet(
  size?: number,
  opts?: createTestnet.TestnetOptions | createTestnet.Teardown
): Promise<createTestnet.Testnet>

declare namespace createTestnet {
  type Teardown = (fn: () => Promise<void>, opts: { order: number }) => void

  interface TestnetOptions {
    host?: string
    port?: number
    bootstrap?: HyperDHT.Address[]
    teardown?: Teardown
  }

  interface Testnet extends Iterable<HyperDHT> {
    readonly nodes: HyperDHT[]
    readonly bootstrap: HyperDHT.Address[]
    /** Makes an ephemeral node. It is destroyed with the testnet, if not before. */
    createNode(opts?: HyperDHT.DHTOptions): HyperDHT
    destroy(): Promise<void>
  }
}
