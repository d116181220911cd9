// The hooks of servers and connections, by which a program decides about a peer.

/**
 * What the program says to a question of the core: false if nobody is there to say, and if a hook
 * throws.
 *
 * @param {import('../..')} dht
 * @param {object} question as of border.js
 * @returns {Promise<boolean>}
 */
exports.answer = async function answer(dht, question) {
  const { kind, server, conn } = question
  const asked = server === null ? dht._conns.get(conn) : dht._servers.get(server)
  try {
    if (!asked) return false
    return kind === 'firewall' ? await asked._onfirewall(question) : !!asked._onholepunch(question)
  } catch {
    return false
  }
}

/**
 * The same for several questions, of which the first no is the answer. A hook that says nothing in
 * time has said no.
 *
 * @param {import('../..')} dht
 * @param {object[]} questions
 * @returns {Promise<boolean>}
 */
exports.answerAll = async function answerAll(dht, questions) {
  let timer = null
  const tooLate = new Promise(resolve => {
    timer = setTimeout(resolve, ANSWER_WITHIN, false)
  })
  try {
    return await Promise.race([everyYes(dht, questions), tooLate])
  } finally {
    clearTimeout(timer)
  }
}

async function everyYes(dht, questions) {
  for (const question of questions) {
    if (!(await exports.answer(dht, question))) return false
  }
  return true
}

/** Milliseconds that the core waits for an answer, too. */
const ANSWER_WITHIN = 10_000
