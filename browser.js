module.exports = class HyperDHT {
  constructor() {
    throw new Error('hyperdht is not supported in browsers')
  }
}
