const RawLink = require('../udx/raw-link')

/** The link of a connection whose bytes are those of a secret stream of the program. */
module.exports = class CarriedLink extends RawLink {
  /**
   * @param {import('../dht/internals')} internals
   * @param {number} conn the number of the connection, which is open
   * @param {((question: object) => boolean) | null} onholepunch decides whether to punch while a
   *   relay carries the connection
   */
  constructor(internals, conn, onholepunch) {
    super(internals)
    this._onholepunch = onholepunch
    this.adopt(conn)
  }

  onholepunch(question) {
    return this._onholepunch === null || this._onholepunch(question)
  }
}
