const deferred = require('../util/deferred')
const { isIPv4 } = require('../util/options')

/** Which hosts this host hears itself on. Each is asked once. */
module.exports = class LocalAddresses {
  /** @param {import('../..')} dht */
  constructor(dht) {
    this._dht = dht
    this._checks = new Map()
  }

  /**
   * The addresses on such hosts, those of hosts that were asked before first.
   *
   * @param {Iterable<{ host: string, port: number }>} addresses
   */
  async validate(addresses) {
    const known = []
    const asked = []
    for (const address of addresses) {
      const list = this._checks.has(address.host) ? known : asked
      list.push({ address, valid: this._check(address.host) })
    }

    const valid = []
    for (const check of [...known, ...asked]) {
      if (await check.valid) valid.push(check.address)
    }
    return valid
  }

  _onchecked({ host, valid }) {
    this._checks.get(host)?.resolve(valid)
  }

  /** Nobody will answer any more: with an error if the node has failed. */
  close(err) {
    for (const check of this._checks.values()) deferred.settle(check, err, false)
  }

  _check(host) {
    let check = this._checks.get(host)
    if (check) return check.promise
    check = deferred()
    this._checks.set(host, check)
    if (isIPv4(host) && this._dht._native?.closed === false) {
      this._dht._native.command('checkLocal', { host })
    } else {
      check.resolve(false)
    }
    return check.promise
  }
}
