// The NAT types, and the ways in which two hosts can be behind one NAT.

/**
 * @typedef {object} Box a router
 * @property {string} [masquerade] the port choice of nftables
 * @property {boolean} [forwardsAll] every port of the public address is the host's
 * @property {number} [timeout] seconds until an idle mapping is gone
 * @property {boolean} [blocksUdp]
 * @property {string} [nat] the kind of NAT that natlab/internet plays, because nftables cannot
 * @property {boolean} [hairpin]
 */

/** @type {Record<string, Box>} */
const BOXES = {
  home: { masquerade: '' },
  random: { masquerade: 'fully-random' },
  full: { masquerade: '', forwardsAll: true },
  short: { masquerade: '', timeout: 20 },
  blocked: { masquerade: '', blocksUdp: true },
  eif: { nat: 'eif' },
  adf: { nat: 'adf' },
  seq: { nat: 'seq' },
  hairpin: { nat: 'home', hairpin: true }
}

/**
 * @typedef {object} Type
 * @property {string[]} boxes names of the NATs, from the host outwards
 * @property {boolean} [firewall] the host lets only answers in
 * @property {boolean} [remembers] the host lets in the hosts that it has sent to
 * @property {string} seen the class that peers see
 * @property {string} about
 */

/** @type {Record<string, Type>} */
exports.TYPES = {
  none: { boxes: [], seen: 'open', about: 'a public address' },
  fw: {
    boxes: [],
    firewall: true,
    seen: 'consistent',
    about: 'a public address and a stateful firewall'
  },
  afw: {
    boxes: [],
    remembers: true,
    seen: 'open',
    about: 'the same, but the firewall lets in every port of a host that was sent to'
  },
  full: { boxes: ['full'], seen: 'open', about: 'every public port forwarded to the host' },
  eif: { boxes: ['eif'], seen: 'consistent', about: 'endpoint-independent mapping and filtering' },
  adf: {
    boxes: ['adf'],
    seen: 'consistent',
    about: 'endpoint-independent mapping, address-dependent filtering'
  },
  home: {
    boxes: ['home'],
    seen: 'consistent',
    about: 'port preserving, address- and port-dependent filtering'
  },
  cgnat: { boxes: ['home', 'home'], seen: 'consistent', about: 'home behind home' },
  seq: { boxes: ['seq'], seen: 'random', about: 'each destination gets the next port' },
  random: { boxes: ['random'], seen: 'random', about: 'each destination gets a random port' },
  cgrandom: { boxes: ['home', 'random'], seen: 'random', about: 'home behind random' },
  short: { boxes: ['short'], seen: 'consistent', about: 'home, mappings of 20 s' },
  blocked: { boxes: ['blocked'], seen: 'unknown', about: 'no UDP' }
}

/**
 * @typedef {object} Variant
 * @property {string} shared the name of the NAT that both are behind
 * @property {string[]} [own] further NATs of each of them, inside that
 * @property {boolean} [firewall] each host lets only answers in
 * @property {boolean} [isolated] the LAN carries nothing from host to host
 * @property {string} about
 */

/** @type {Record<string, Variant>} */
exports.SAME = {
  plain: { shared: 'home', about: 'one LAN' },
  hairpin: { shared: 'hairpin', about: 'one LAN, the NAT turns packets around' },
  hostfw: { shared: 'home', firewall: true, about: 'one LAN, each host has a firewall' },
  'hostfw-hairpin': { shared: 'hairpin', firewall: true, about: 'the same with a hairpin' },
  isolated: { shared: 'home', isolated: true, about: 'one NAT, but no LAN between the hosts' },
  'isolated-hairpin': { shared: 'hairpin', isolated: true, about: 'the same with a hairpin' },
  cgnat: { shared: 'home', own: ['home'], about: 'two LANs behind one carrier NAT' },
  'cgnat-hairpin': { shared: 'hairpin', own: ['home'], about: 'the same with a hairpin' }
}

/**
 * @param {string} name
 * @returns {Box}
 */
exports.box = name => BOXES[name]

/** Whether a text names a cell: 'client,server', or 'same,variant'. */
exports.isCell = function isCell(text) {
  const [first, second, ...rest] = text.split(',')
  if (rest.length > 0) return false
  if (first === 'same') return Object.hasOwn(exports.SAME, second)
  return Object.hasOwn(exports.TYPES, first) && Object.hasOwn(exports.TYPES, second)
}
