// The codecs of lib/messages, byte by byte.

const test = require('brittle')
const b4a = require('b4a')
const c = require('compact-encoding')
const { deep } = require('../helpers/implementation')

const messages = deep('lib/messages')

const KEY = b4a.alloc(32, 1)
const TOKEN = b4a.alloc(32, 2)
const SIGNATURE = b4a.alloc(64, 3)
const BYTES = b4a.from('bytes')
const A = { host: '10.1.2.3', port: 4567 }
const B = { host: '192.168.0.9', port: 80 }
const V6 = { host: '2001:db8:0:0:0:0:0:1', port: 4567 }
const PEER = { publicKey: KEY, relayAddresses: [A, B] }

const NOISE_PAYLOAD = {
  version: 1,
  error: 0,
  firewall: 2,
  holepunch: null,
  addresses4: [],
  addresses6: [],
  udx: null,
  secretStream: null,
  relayThrough: null,
  relayAddresses: null
}
const HOLEPUNCH_PAYLOAD = {
  error: 3,
  firewall: 1,
  round: 7,
  connected: false,
  punching: false,
  addresses: null,
  remoteAddress: null,
  token: null,
  remoteToken: null
}

const k = '01'.repeat(32)
const tok = '02'.repeat(32)
const sig = '03'.repeat(64)
const a = '0a010203d711'
const b = 'c0a800095000'

const EXAMPLES = {
  handshake: [
    [{ mode: 2, noise: BYTES, peerAddress: null, relayAddress: null }, '0002' + '056279746573'],
    [{ mode: 4, noise: BYTES, peerAddress: A, relayAddress: B }, `0304056279746573${a}${b}`]
  ],
  noisePayload: [
    [NOISE_PAYLOAD, '01000002'],
    [
      {
        ...NOISE_PAYLOAD,
        holepunch: { id: 300, relays: [{ relayAddress: A, peerAddress: B }] },
        addresses4: [A, B],
        addresses6: [V6],
        udx: { version: 1, reusableSocket: true, id: 5, seq: 0 },
        secretStream: { version: 1 },
        relayThrough: { version: 1, publicKey: KEY, token: TOKEN },
        relayAddresses: [B]
      },
      `017f0002fd2c0101${a}${b}02${a}${b}0120010db8000000000000000000000001d711` +
        `0101050001${'0100'}${k}${tok}01${b}`
    ]
  ],
  holepunch: [
    [{ mode: 1, id: 9, payload: BYTES, peerAddress: null }, '000109056279746573'],
    [{ mode: 0, id: 9, payload: BYTES, peerAddress: A }, `010009056279746573${a}`]
  ],
  holepunchPayload: [
    [HOLEPUNCH_PAYLOAD, '00030107'],
    [
      {
        ...HOLEPUNCH_PAYLOAD,
        connected: true,
        punching: true,
        addresses: [A],
        remoteAddress: B,
        token: TOKEN,
        remoteToken: KEY
      },
      `3f03010701${a}${b}${tok}${k}`
    ]
  ],
  peer: [[PEER, `${k}02${a}${b}`]],
  peers: [
    [[], '00'],
    [[PEER, { publicKey: TOKEN, relayAddresses: [] }], `02${k}02${a}${b}${tok}00`]
  ],
  announce: [
    [{ peer: null, refresh: null, signature: null, bump: 0 }, '00'],
    [
      { peer: PEER, refresh: TOKEN, signature: SIGNATURE, bump: 65536 },
      `0f${k}02${a}${b}${tok}${sig}fe00000100`
    ]
  ],
  mutableSignable: [[{ seq: 4, value: BYTES }, '04056279746573']],
  mutablePutRequest: [
    [
      { publicKey: KEY, seq: 253, value: BYTES, signature: SIGNATURE },
      `${k}fdfd00056279746573${sig}`
    ]
  ],
  mutableGetResponse: [[{ seq: 4, value: BYTES, signature: SIGNATURE }, `04056279746573${sig}`]],
  pluginRequest: [
    [{ plugin: 'chat', version: 1, command: 2, value: null }, '0463686174010200'],
    [{ plugin: 'chat', version: 1, command: 2, value: BYTES }, '0463686174010201056279746573']
  ]
}

test('every message, byte by byte', t => {
  for (const [name, examples] of Object.entries(EXAMPLES)) {
    for (const [message, hex] of examples) check(t, name, message, hex)
  }
})

test('lookupRawReply encodes peers that are bytes, and decodes them', t => {
  const peer = c.encode(messages.peer, PEER)
  const encoded = c.encode(messages.lookupRawReply, { peers: [peer], bump: 7 })
  t.is(b4a.toString(encoded, 'hex'), `01${k}02${a}${b}07`)
  t.alike(c.decode(messages.lookupRawReply, encoded), { peers: [PEER], bump: 7 })
  const short = encoded.subarray(0, encoded.byteLength - 1)
  t.is(c.decode(messages.lookupRawReply, short).bump, 0, 'no bump is 0')
})

test('a noise payload of another version tells it, and nothing else', t => {
  const decoded = c.decode(messages.noisePayload, b4a.from('02ffff', 'hex'))
  t.alike(decoded, { ...NOISE_PAYLOAD, version: 2, firewall: 0 })
})

function check(t, name, message, hex) {
  const codec = messages[name]
  t.is(b4a.toString(c.encode(codec, message), 'hex'), hex, `${name}: encode`)
  t.alike(c.decode(codec, b4a.from(hex, 'hex')), message, `${name}: decode`)

  const state = c.state()
  codec.preencode(state, message)
  t.is(state.end, hex.length / 2, `${name}: preencode counts the bytes`)
}
