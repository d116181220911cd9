/** What crosses the border is not what the core's tables say. */
module.exports = class Malformed extends Error {
  /** @param {string} what */
  constructor(what) {
    super(what)
    this.code = 'MALFORMED'
  }

  get name() {
    return 'Malformed'
  }
}
