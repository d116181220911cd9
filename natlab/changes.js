// What can happen to a host while its connection is open, or to the NAT of a server that waits.

const { TYPES, box } = require('./cells')

/**
 * @typedef {object} Change
 * @property {'client' | 'server'} side the host to which it happens
 * @property {'rebind' | 'roam'} kind
 * @property {boolean} [idle] there is no connection; clients connect afterwards
 * @property {string} about
 */

/** @type {Record<string, Change>} */
exports.CHANGES = {
  'rebind-client': {
    side: 'client',
    kind: 'rebind',
    about: "the client's NAT forgets its mappings and gives out other ports"
  },
  'rebind-server': { side: 'server', kind: 'rebind', about: "the server's NAT does" },
  'roam-client': {
    side: 'client',
    kind: 'roam',
    about: 'the client moves to another network, behind a NAT of the same type (none: behind full)'
  },
  'roam-server': { side: 'server', kind: 'roam', about: 'the server does' },
  'remap-server': {
    side: 'server',
    kind: 'rebind',
    idle: true,
    about: 'rebind-server without a connection; then a known and a new client connect'
  },
  'move-server': {
    side: 'server',
    kind: 'roam',
    idle: true,
    about: 'roam-server without a connection; then a known and a new client connect'
  }
}

/**
 * Why a change cannot happen in a cell; null where it can.
 *
 * @param {string} name
 * @param {string} cell
 * @returns {string | null}
 */
exports.problem = function problem(name, cell) {
  const { side, kind } = exports.CHANGES[name]
  const [client, server] = cell.split(',')
  if (client === 'same') return `${name} needs a NAT for each host: ${cell}`
  const type = TYPES[side === 'client' ? client : server]
  if (kind === 'rebind' && !canRebind(outermost(type)))
    return `${name} needs one of ${REBINDING.join(', ')} at the ${side}: ${cell}`
  return null
}

/**
 * What the shell of a NAT does to forget its mappings. A masquerade ends with its interface: the
 * kernel removes the entries of an interface that goes down, and its routes.
 *
 * @param {import('./cells').Box} box
 * @returns {string[]}
 */
exports.rebind = function rebind({ masquerade }) {
  const otherPorts = `meta l4proto udp masquerade to ${OTHER_PORTS}`
  return [
    'nft flush chain ip nat leaving',
    `nft 'add rule ip nat leaving oifname "wan" ${otherPorts} ${masquerade}'`,
    'ip link set wan down',
    'ip link set wan up',
    'ip route add default dev wan'
  ]
}

/**
 * What the shell of a host does to leave a network for another one.
 *
 * @param {{ from: string, to: string, address: string, gateway: string }} move names of interfaces,
 *   and the new addresses
 * @returns {string[]}
 */
exports.roam = function roam({ from, to, address, gateway }) {
  return [
    `ip address flush dev ${from}`,
    `ip link set ${from} down`,
    `ip address add ${address}/24 dev ${to}`,
    `ip route add default via ${gateway}`
  ]
}

/** The NAT that meets the internet. */
function outermost({ boxes }) {
  return boxes.length === 0 ? {} : box(boxes.at(-1))
}

/** A NAT that forwards all ports to the same ports of its host could not give out others. */
function canRebind({ masquerade, nat, forwardsAll, blocksUdp }) {
  return (masquerade !== undefined || nat !== undefined) && !forwardsAll && !blocksUdp
}

const REBINDING = Object.keys(TYPES).filter(name => canRebind(outermost(TYPES[name])))

/** No socket has one of these: Linux gives out ports above 32767, and the nodes have 49737. */
const OTHER_PORTS = ':20000-29999'
