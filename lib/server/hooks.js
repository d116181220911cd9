// The hooks of servers and connections, with which a program decides about a peer.

/**
 * Asks the program a question of the core. The answer is false if the server or the connection is
 * gone, or if a hook throws.
 *
 * @param {import('../dht/internals')} internals
 * @param {object} question as of border.js
 * @returns {Promise<boolean>}
 */
exports.answer = async function answer(internals, question) {
  const { connections, servers } = internals
  const { kind, server, conn } = question
  const asked = server === null ? connections.get(conn) : servers.get(server)
  try {
    if (!asked) return false
    if (kind === 'firewall') return await asked.onfirewall(question)
    return !!asked.onholepunch(withFlatAddresses(question))
  } catch {
    return false
  }
}

/**
 * The answer to a question, in the form of the core. A server may have a function that names the
 * blind relay of each client.
 *
 * @param {import('../dht/internals')} internals
 * @param {object} question as of border.js
 * @returns {Promise<object>}
 */
exports.verdict = async function verdict(internals, question) {
  if (isAboutHandshake(question)) return handshakeStep(internals, question)
  const accepts = await exports.answer(internals, question)
  if (!accepts) return REJECT
  if (question.kind !== 'firewall') return { kind: 'accept' }
  const relay = exports.relayOf(internals, question.server)
  return relay === null ? { kind: 'accept' } : { kind: 'acceptThrough', relay }
}

/**
 * Asks several questions. The answer is true if all answers are. A hook that does not answer in
 * time has answered false.
 *
 * @param {import('../dht/internals')} internals
 * @param {object[]} questions
 * @returns {Promise<boolean>}
 */
exports.answerAll = async function answerAll(internals, questions) {
  let timer = null
  const tooLate = new Promise(resolve => {
    timer = setTimeout(resolve, ANSWER_WITHIN, false)
  })
  try {
    return await Promise.race([everyYes(internals, questions), tooLate])
  } finally {
    clearTimeout(timer)
  }
}

async function everyYes(internals, questions) {
  for (const question of questions) {
    if (!(await exports.answer(internals, question))) return false
  }
  return true
}

/**
 * The blind relay for a client of a server, if a function of the program names one. Null if it
 * throws.
 *
 * @param {import('../dht/internals')} internals
 * @param {number} server
 * @returns {Buffer | null}
 */
exports.relayOf = function relayOf({ servers }, server) {
  try {
    return servers.get(server)?.onrelay() || null
  } catch {
    return null
  }
}

function isAboutHandshake({ kind }) {
  return kind === 'readHandshake' || kind === 'writeHandshake'
}

// The program makes the handshake. A server begins one when it has to read a message.
async function handshakeStep({ connections, servers }, question) {
  const { kind, server, conn } = question
  const isNew = server !== null && kind === 'readHandshake'
  const asked = isNew ? servers.get(server) : connections.get(conn)
  try {
    return (await asked?.onhandshake(question)) || REJECT
  } catch {
    return REJECT
  }
}

// Programs expect an address and the facts about it in one object.
function withFlatAddresses(question) {
  const flat = ({ address, ...known }) => ({ ...address, ...known })
  const { remoteAddresses, localAddresses } = question
  return {
    ...question,
    remoteAddresses: remoteAddresses.map(flat),
    localAddresses: localAddresses?.map(flat) || null
  }
}

const REJECT = { kind: 'reject' }

/** Milliseconds that the core waits for an answer, too. */
const ANSWER_WITHIN = 10_000
