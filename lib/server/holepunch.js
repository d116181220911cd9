/**
 * One entry of `_holepunches`. The core keeps what the objects of the reference keep, so that here
 * they only show that they exist.
 *
 * @param {object | null} handshake
 */
module.exports = function toHolepunch(handshake) {
  if (handshake === null) return null
  const { firewalled, aborted, ended, punching, round } = handshake
  const isWaiting = !firewalled && !ended
  return {
    round,
    firewalled,
    aborted,
    puncher: punching ? { punching, connected: false, destroyed: false } : null,
    rawStream: isWaiting ? { destroyed: false, connected: false } : null,
    encryptedSocket: null
  }
}
