// hyperdht/lib/persistent, which programs use if another process has the secret key.

const test = require('brittle')
const b4a = require('b4a')
const { DHT, deep } = require('../helpers/implementation')
const { thrown } = require('../helpers/fixtures')
const vectors = require('../../crates/proto/tests/vectors/C_hyperdht_signatures.json')

const { signAnnounce, signUnannounce, signMutable, verifyMutable } = deep('lib/persistent')

const KEY_PAIR = DHT.keyPair(hex(vectors.keypair.seed))

test('signAnnounce and signUnannounce', t => {
  for (const vector of vectors.announce) {
    const { name, target, node_id: id, token, announce } = vector
    const { peer, refresh } = announce
    const ann = {
      peer: { ...peer, publicKey: hex(peer.publicKey) },
      refresh: refresh && hex(refresh)
    }
    const sign = name.startsWith('unannounce') ? signUnannounce : signAnnounce
    const args = [hex(target), hex(token), hex(id), ann]
    same(t, sign(...args, KEY_PAIR), vector.signature, name)
    same(t, sign(...args, KEY_PAIR.secretKey), vector.signature, `${name}, secret key`)
    t.alike(signableOf(sign, args), hex(vector.signable), `${name}, signable`)
  }
})

test('signMutable and verifyMutable', t => {
  const { publicKey } = KEY_PAIR
  for (const { seq, value, signature, signable } of vectors.mutable) {
    const args = [seq, hex(value)]
    same(t, signMutable(...args, KEY_PAIR), signature, `seq ${seq}`)
    same(t, signMutable(...args, KEY_PAIR.secretKey), signature, `seq ${seq}, secret key`)
    t.alike(signableOf(signMutable, args), hex(signable), `seq ${seq}, signable`)

    t.is(verifyMutable(hex(signature), ...args, publicKey), true)
    t.is(verifyMutable(hex(signature), seq + 1, hex(value), publicKey), false, 'other seq')
    t.is(verifyMutable(hex(signature), seq, b4a.from('?'), publicKey), false, 'other value')
    t.is(verifyMutable(hex(signature), ...args, DHT.keyPair().publicKey), false, 'other key')
    t.is(verifyMutable(b4a.alloc(64), ...args, publicKey), false, 'no signature')
  }
})

test('what is no key and no signature', t => {
  const value = b4a.from('value')
  const calls = [
    () => signMutable(0, value, {}),
    () => signMutable(0, value, { secretKey: b4a.alloc(32) }),
    () => verifyMutable(b4a.alloc(63), 0, value, KEY_PAIR.publicKey),
    () => verifyMutable('x'.repeat(64), 0, value, KEY_PAIR.publicKey),
    () => verifyMutable(b4a.alloc(64), 0, value, b4a.alloc(31))
  ]
  for (const call of calls) t.ok(thrown(call) instanceof Error)
})

// The bytes that a key pair with its own `sign` function is asked to sign.
function signableOf(sign, args) {
  return sign(...args, { sign: signable => signable })
}

function same(t, signature, expected, name) {
  t.is(b4a.toString(signature, 'hex'), expected, name)
}

function hex(string) {
  return b4a.from(string, 'hex')
}
