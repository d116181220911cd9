// The functions that sign the announcements of a server.

const Persistent = require('../persistent')
const { checkBytes, checkSigner } = require('../util/check')

/** The functions that sign. Null if the core signs with the secret key. */
exports.signersOf = function signersOf(keyPair, { signAnnounce, signUnannounce }) {
  const announce = checkSigner('signAnnounce', keyPair, signAnnounce, Persistent.signAnnounce)
  const unannounce = checkSigner(
    'signUnannounce',
    keyPair,
    signUnannounce,
    Persistent.signUnannounce
  )
  if (announce === null && unannounce === null) return null
  return {
    signAnnounce: announce || Persistent.signAnnounce,
    signUnannounce: unannounce || Persistent.signUnannounce
  }
}

/** Asks the signer. Without a signature (null) the core skips the node that asked for it. */
exports.sign = async function sign(signers, keyPair, { announces, target, token, id }) {
  const peer = { publicKey: keyPair.publicKey, relayAddresses: [] }
  const announce = { peer, refresh: null, signature: null }
  const name = announces ? 'signAnnounce' : 'signUnannounce'
  try {
    const signature = await signers[name](target, token, id, announce, keyPair)
    return checkBytes('signature', signature, 64)
  } catch {
    return null
  }
}
