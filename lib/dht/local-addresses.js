const deferred = require('../util/deferred')
const { isIPv4 } = require('../util/check')

/**
 * Finds out which addresses are this host's: a datagram to them arrives here. Tries each host once.
 */
module.exports = class LocalAddresses {
  /** @param {import('../native/native')} native */
  constructor(native) {
    this._native = native
    this._checks = new Map()
  }

  /**
   * The addresses whose hosts are this host. Addresses of hosts that were tried before come first.
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

  onchecked({ host, valid }) {
    this._checks.get(host)?.resolve(valid)
  }

  /** Settles the checks after the core has ended. `err` is null unless the core has failed. */
  close(err) {
    for (const check of this._checks.values()) deferred.settle(check, err, false)
  }

  _check(host) {
    let check = this._checks.get(host)
    if (check) return check.promise
    check = deferred()
    this._checks.set(host, check)
    if (isIPv4(host) && !this._native.closed) this._native.command('checkLocal', { host })
    else check.resolve(false)
    return check.promise
  }
}
