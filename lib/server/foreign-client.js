const ForeignHandshake = require('../connection/foreign-handshake')
const { wrote } = require('../connection/foreign-handshake')

/**
 * A client whose handshake the program makes. The core knows it by the number of the connection
 * that it will have.
 */
module.exports = class ForeignClient {
  /**
   * @param {object} maker what `createHandshake` has returned
   * @param {Function | null} createSecretStream of the server when the client came
   */
  constructor(maker, createSecretStream) {
    this.createSecretStream = createSecretStream
    /** That of its questions. Null before the first one. */
    this.context = null
    /** Questions that the server had no hook for when the client came. */
    this.unasked = []

    this._handshake = new ForeignHandshake(maker, createSecretStream !== null)
  }

  /** What the handshake has resulted in. */
  get result() {
    return this._handshake.result
  }

  /**
   * Reads message 1.
   *
   * @param {Uint8Array} message
   * @param {(remotePublicKey: Uint8Array | null, payload: object) => Promise<boolean>} isRefused
   * @param {() => Uint8Array | null} relay the blind relay for a client that is let in
   */
  async read(message, isRefused, relay) {
    const payload = await this._handshake.read(message)
    const { remotePublicKey } = this._handshake
    if (await isRefused(remotePublicKey, payload)) return REJECT
    const answer = this._handshake.toRead(payload, null, relay())
    for (const question of this.unasked) {
      Object.assign(question, { remotePublicKey, payload: answer.handshake.payload })
    }
    return answer
  }

  /** Keeps a question about the client until the client has a connection. */
  leaveUnasked(question) {
    this.unasked.push(question)
  }

  /** Writes message 2. */
  async onhandshake({ payload }) {
    const message = await this._handshake.write(payload)
    return wrote(message, this._handshake.finish())
  }

  /** The client has no connection. The table has forgotten it. */
  onclosed() {}
}

const REJECT = { kind: 'reject' }
