// Hashes and key pairs without the addon, for browsers. BigInt is slow, and its time depends on the
// values. That is good enough for making a few key pairs.

const b4a = require('b4a')

/** BLAKE2b with a digest of 32 bytes. */
exports.hash = function hash(data) {
  const h = [...IV]
  h[0] ^= 0x01010020n
  let at = 0
  while (data.byteLength - at > 128) {
    at += 128
    blake(h, data.subarray(at - 128, at), BigInt(at), 0n)
  }
  const last = new Uint8Array(128)
  last.set(data.subarray(at))
  blake(h, last, BigInt(data.byteLength), MASK)
  return littleEndian(h.slice(0, 4))
}

/** Makes an Ed25519 key pair from a seed. The secret key is the seed and the public key. */
exports.keyPair = function keyPair(seed) {
  const digest = sha512(seed).subarray(0, 32)
  digest[0] &= 248
  digest[31] = (digest[31] & 127) | 64
  const publicKey = encodePoint(multiply(BASE, fromLittleEndian(digest)))
  return { publicKey, secretKey: b4a.concat([seed, publicKey]) }
}

function blake(h, block, count, final) {
  const m = words(block, true)
  const v = [...h, ...IV]
  v[12] ^= count
  v[14] ^= final
  for (let round = 0; round < 12; round++) {
    const s = SIGMA[round % 10]
    for (let i = 0; i < 8; i++) {
      const [a, b, c, d] = LANES[i]
      v[a] = (v[a] + v[b] + m[s[2 * i]]) & MASK
      v[d] = rotate(v[d] ^ v[a], 32n)
      v[c] = (v[c] + v[d]) & MASK
      v[b] = rotate(v[b] ^ v[c], 24n)
      v[a] = (v[a] + v[b] + m[s[2 * i + 1]]) & MASK
      v[d] = rotate(v[d] ^ v[a], 16n)
      v[c] = (v[c] + v[d]) & MASK
      v[b] = rotate(v[b] ^ v[c], 63n)
    }
  }
  for (let i = 0; i < 8; i++) h[i] ^= v[i] ^ v[i + 8]
}

function sha512(data) {
  const padded = new Uint8Array((Math.floor((data.byteLength + 16) / 128) + 1) * 128)
  padded.set(data)
  padded[data.byteLength] = 0x80
  new DataView(padded.buffer).setUint32(padded.byteLength - 4, data.byteLength * 8)

  const state = [...IV]
  for (let at = 0; at < padded.byteLength; at += 128) sha(state, padded.subarray(at, at + 128))
  return littleEndian(state.map(swap))
}

function sha(state, block) {
  const w = words(block, false)
  for (let i = 16; i < 80; i++) {
    const s0 = rotate(w[i - 15], 1n) ^ rotate(w[i - 15], 8n) ^ (w[i - 15] >> 7n)
    const s1 = rotate(w[i - 2], 19n) ^ rotate(w[i - 2], 61n) ^ (w[i - 2] >> 6n)
    w.push((w[i - 16] + s0 + w[i - 7] + s1) & MASK)
  }
  let [a, b, c, d, e, f, g, h] = state
  for (let i = 0; i < 80; i++) {
    const s1 = rotate(e, 14n) ^ rotate(e, 18n) ^ rotate(e, 41n)
    const s0 = rotate(a, 28n) ^ rotate(a, 34n) ^ rotate(a, 39n)
    const t1 = h + s1 + ((e & f) ^ (~e & MASK & g)) + ROUND[i] + w[i]
    const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c))
    ;[a, b, c, d, e, f, g, h] = [(t1 + t2) & MASK, a, b, c, (d + t1) & MASK, e, f, g]
  }
  for (const [i, x] of [a, b, c, d, e, f, g, h].entries()) state[i] = (state[i] + x) & MASK
}

/** Points are [X, Y, Z] with x = X/Z and y = Y/Z. */
function multiply(point, scalar) {
  let sum = [0n, 1n, 1n]
  for (let n = scalar; n > 0n; n >>= 1n) {
    if (n & 1n) sum = add(sum, point)
    point = add(point, point)
  }
  return sum
}

function add([x1, y1, z1], [x2, y2, z2]) {
  const a = mod(z1 * z2)
  const b = mod(a * a)
  const c = mod(x1 * x2)
  const d = mod(y1 * y2)
  const e = mod(D * c * d)
  const x = mod(a * (b - e) * ((x1 + y1) * (x2 + y2) - c - d))
  return [x, mod(a * (b + e) * (d + c)), mod((b - e) * (b + e))]
}

function encodePoint([x, y, z]) {
  const inverse = power(z, P - 2n)
  const encoded = mod(y * inverse) | ((mod(x * inverse) & 1n) << 255n)
  return littleEndian([0n, 64n, 128n, 192n].map(shift => (encoded >> shift) & MASK))
}

function power(base, exponent) {
  let result = 1n
  for (let n = exponent; n > 0n; n >>= 1n) {
    if (n & 1n) result = mod(result * base)
    base = mod(base * base)
  }
  return result
}

function mod(n) {
  const rest = n % P
  return rest < 0n ? rest + P : rest
}

function rotate(x, n) {
  return (x >> n) | ((x << (64n - n)) & MASK)
}

function swap(x) {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, x)
  return view.getBigUint64(0, true)
}

function words(block, little) {
  const view = new DataView(block.buffer, block.byteOffset)
  return Array.from({ length: 16 }, (_, i) => view.getBigUint64(8 * i, little))
}

function littleEndian(numbers) {
  const bytes = b4a.alloc(8 * numbers.length)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  for (const [i, n] of numbers.entries()) view.setBigUint64(8 * i, n, true)
  return bytes
}

function fromLittleEndian(bytes) {
  return bytes.reduceRight((n, byte) => (n << 8n) | BigInt(byte), 0n)
}

/** The first 64 fractional bits of the roots of the first primes. Both hashes start from them. */
function rootsOfPrimes(count, degree) {
  const roots = []
  for (let n = 2n; roots.length < count; n++) {
    if (!isPrime(n)) continue
    roots.push(root(n << (64n * degree), degree) & MASK)
  }
  return roots
}

function isPrime(n) {
  for (let i = 2n; i * i <= n; i++) if (n % i === 0n) return false
  return true
}

function root(n, degree) {
  let low = 0n
  let high = 1n << 70n
  while (high - low > 1n) {
    const middle = (low + high) / 2n
    if (middle ** degree <= n) low = middle
    else high = middle
  }
  return low
}

const MASK = 0xffffffffffffffffn
const IV = rootsOfPrimes(8, 2n)
const ROUND = rootsOfPrimes(80, 3n)

const LANES = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14]
]

const SIGMA = [
  '0123456789abcdef',
  'ea489fd61c02b753',
  'b8c052fdae367194',
  '7931dcbe265a40f8',
  '905724afe1bc683d',
  '2c6a0b834d75fe19',
  'c51fed4a0763928b',
  'db7ec13950f4862a',
  '6fe9b308c2d714a5',
  'a2847615fb9e3cd0'
].map(row => Array.from(row, digit => Number.parseInt(digit, 16)))

const P = (1n << 255n) - 19n
const D = mod(-121665n * power(121666n, P - 2n))
const BASE = [
  15112221349535400772501151409588531511454012693041857206046113283949847762202n,
  46316835694926478169428394003475163141307993866256225615783033603165251855960n,
  1n
]
