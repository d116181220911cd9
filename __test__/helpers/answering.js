// Nodes of the implementation under test that answer requests.

const { DHT } = require('./implementation')
const { node, testnet } = require('./fixtures')

/** A node that answers, and a node that asks it. */
exports.answeringPair = async function answeringPair(t, answer) {
  const net = await testnet(t, 4)
  const answerer = await exports.answering(t, net, answer)
  const asker = await node(t, net)
  return { net, answerer, asker, to: exports.addressOf(answerer) }
}

/** A node whose onrequest is `answer(req, dht, serve)`. `serve` is what it would do by itself. */
exports.answering = async function answering(t, net, answer, options) {
  class Answering extends DHT {
    seen = []

    onrequest(req) {
      this.seen.push(req)
      this.emit('seen', req)
      return answer(req, this, req => super.onrequest(req))
    }
  }
  const dht = new Answering({
    bootstrap: net.bootstrap,
    host: '127.0.0.1',
    ephemeral: false,
    firewalled: false,
    ...options
  })
  t.teardown(() => dht.destroy())
  await dht.fullyBootstrapped()
  return dht
}

exports.accept = function accept(req) {
  req.reply(null)
  return true
}

exports.addressOf = function addressOf(dht) {
  return { host: '127.0.0.1', port: dht.io.serverSocket.address().port }
}
