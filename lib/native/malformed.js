/** A message at the border does not match the core's tables. */
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
