// The plan of a laboratory: its network namespaces, the cables between them, what a shell does in
// each of them, and where they meet the internet.

const { TYPES, SAME, box } = require('./cells')
const { CHANGES, rebind, roam } = require('./changes')
const firewall = require('./firewall')

const NODES = '20.0.0'
const CLIENT = { name: 'client', net: '20.1.0', address: '192.168.1.10' }
const RELAY = '20.4.0'
const SERVER = { name: 'server', net: '20.2.0', address: '192.168.1.20' }

/**
 * @typedef {object} Edge
 * @property {string} namespace
 * @property {string} net the first three bytes of its addresses
 * @property {number} delay milliseconds to the middle of the internet
 * @property {string} [nat]
 * @property {boolean} [hairpin]
 *
 * @typedef {object} Plan
 * @property {Map<string, string[]>} namespaces the lines of a shell in each of them
 * @property {Array<{ from: string, device: string, to: string, port: string }>} cables
 * @property {Edge[]} edges
 * @property {string[]} addresses those of the DHT nodes
 * @property {string} relay the address of the blind relay
 * @property {{ namespace?: string, lines?: string[], reset?: string }} [change] what a shell does to make
 *   the change, or the address of a NAT of natlab/internet that is reset
 */

/**
 * @param {string} cell
 * @param {{ nodes: number, rtt: number, far: number, change?: string }} options `far`: the round trip
 *   to the server
 * @returns {Plan}
 */
module.exports = function topology(cell, { nodes, rtt, far, change }) {
  const plan = { namespaces: new Map(), cables: [], edges: [], addresses: [], relay: `${RELAY}.1` }
  const delay = rtt / 4
  const farther = far === 0 ? delay : far / 2 - delay
  publicHosts(plan, nodes, delay)
  plan.namespaces.set('relay', [...START, ...publicUplink(RELAY)])
  plan.edges.push({ namespace: 'relay', net: RELAY, delay })

  const [first, second] = cell.split(',')
  if (first === 'same') {
    behindOne(plan, SAME[second], delay)
    return plan
  }
  const sides = [
    [CLIENT, TYPES[first], delay],
    [SERVER, TYPES[second], farther]
  ]
  for (const [side, type, distance] of sides) {
    behindOwn(plan, side, type, distance)
    if (change && CHANGES[change].side === side.name) {
      plan.change = prepare(plan, CHANGES[change], side, type, distance)
    }
  }
  return plan
}

/**
 * One namespace has the addresses of all DHT nodes. Its rules send a packet to a local address out
 * to the internet too: else these nodes would be 0 ms from each other.
 */
function publicHosts(plan, count, delay) {
  for (let i = 1; i <= count; i++) plan.addresses.push(`${NODES}.${i}`)
  plan.namespaces.set('nodes', [
    ...START,
    'sysctl -qw net.ipv4.conf.all.accept_local=1',
    ...plan.addresses.map(address => `ip address add ${address}/32 dev wan`),
    'ip link set wan up',
    'ip route add default dev wan table 100',
    'ip rule add pref 10 iif wan lookup local',
    'ip rule add pref 20 lookup 100',
    'ip rule add pref 30 lookup local',
    'ip rule del pref 0'
  ])
  plan.edges.push({ namespace: 'nodes', net: NODES, delay })
}

function behindOwn(plan, side, type, delay) {
  const { name, net, address } = side
  if (type.boxes.length === 0) {
    plan.namespaces.set(name, [...START, ...publicUplink(net), ...hostRules(type)])
    plan.edges.push({ namespace: name, net, delay })
    return
  }
  lanHost(plan, side, type)
  routers(plan, { name, boxes: type.boxes, net, delay, address, inside: [[name, 'eth0']] })
}

function prepare(plan, { kind }, { name, net }, { boxes }, delay) {
  if (kind === 'rebind') {
    const outermost = box(boxes.at(-1))
    if (outermost.nat) return { reset: `${net}.1` }
    return { namespace: natName(name, boxes.length - 1), lines: rebind(outermost) }
  }
  // its cable is there from the start, since the kernel takes up to a second to use a new one
  const address = `${AWAY.lan}.10`
  plan.namespaces.get(name).push('ip link set eth1 up')
  routers(plan, {
    name: `${name}-away`,
    boxes: boxes.length === 0 ? ['full'] : boxes,
    net: AWAY.net,
    delay,
    address,
    lan: AWAY.lan,
    inside: [[name, 'eth1']]
  })
  const from = boxes.length === 0 ? 'wan' : 'eth0'
  const lines = roam({ from, to: 'eth1', address, gateway: `${AWAY.lan}.1` })
  return { namespace: name, lines }
}

function behindOne(plan, { shared, own = [], firewall, isolated }, delay) {
  const hosts = [CLIENT, SERVER]
  for (const side of hosts) lanHost(plan, side, { firewall })
  const inside = hosts.map(({ name }) => [name, 'eth0'])
  if (own.length === 0) {
    const { net, address } = CLIENT
    routers(plan, { name: 'shared', boxes: [shared], net, delay, address, inside, isolated })
    return
  }
  const homes = hosts.map(({ name, address }, i) => {
    router(plan, {
      name: `${name}-nat`,
      box: box(own[0]),
      lan: LAN,
      address,
      inside: [[name, 'eth0']],
      uplink: carrierUplink(i + 2)
    })
    return [`${name}-nat`, 'wan']
  })
  const { net } = CLIENT
  router(plan, {
    name: 'shared-nat',
    box: box(shared),
    lan: CARRIER,
    inside: homes,
    uplink: uplink(box(shared), net)
  })
  plan.edges.push(edge('shared-nat', box(shared), net, delay))
}

/** A chain of NATs, from the host outwards; the last one meets the internet. */
function routers(plan, { name, boxes, net, delay, address, inside, isolated, lan = LAN }) {
  let hosts = inside
  for (const [i, kind] of boxes.entries()) {
    const last = i === boxes.length - 1
    const router_ = natName(name, i)
    router(plan, {
      name: router_,
      box: box(kind),
      lan: i === 0 ? lan : CARRIER,
      address: i === 0 ? address : `${CARRIER}.2`,
      inside: hosts,
      isolated,
      uplink: last ? uplink(box(kind), net) : carrierUplink(2)
    })
    if (last) plan.edges.push(edge(router_, box(kind), net, delay))
    hosts = [[router_, 'wan']]
  }
}

/** The namespace of a NAT, counted from the host outwards. */
function natName(name, i) {
  return `${name}-nat${i === 0 ? '' : i + 1}`
}

function router(plan, { name, box, lan, address, inside, isolated, uplink }) {
  const ports = inside.map(([to, port], i) => {
    plan.cables.push({ from: name, device: `port${i}`, to, port })
    return `port${i}`
  })
  plan.namespaces.set(name, [
    ...START,
    'sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0',
    'ip link add lan type bridge',
    // what a bridge carries is not routed, so no rule of a NAT may see it
    'sysctl -qw net.bridge.bridge-nf-call-iptables=0 || true',
    ...ports.map(port => `ip link set ${port} master lan up`),
    ...(isolated ? ports.map(port => `ip link set ${port} type bridge_slave isolated on`) : []),
    `ip address add ${lan}.1/24 dev lan`,
    'ip link set lan up',
    ...uplink,
    ...timeouts(box),
    ...nft(firewall.nat(box, address))
  ])
}

function lanHost(plan, { name, address }, type) {
  plan.namespaces.set(name, [
    ...START,
    `ip address add ${address}/24 dev eth0`,
    'ip link set eth0 up',
    `ip route add default via ${LAN}.1`,
    ...hostRules(type)
  ])
}

function edge(namespace, { nat, hairpin }, net, delay) {
  return { namespace, net, delay, nat, hairpin }
}

/** A NAT of natlab/internet holds the public address itself. */
function uplink({ nat }, net) {
  return nat ? ['ip link set wan up', 'ip route add default dev wan'] : publicUplink(net)
}

function publicUplink(net) {
  return [
    `ip address add ${net}.1/32 dev wan`,
    'ip link set wan up',
    'ip route add default dev wan'
  ]
}

function carrierUplink(host) {
  return [
    `ip address add ${CARRIER}.${host}/24 dev wan`,
    'ip link set wan up',
    `ip route add default via ${CARRIER}.1`
  ]
}

function timeouts({ timeout }) {
  if (!timeout) return []
  return ['udp_timeout', 'udp_timeout_stream'].map(
    name => `sysctl -qw net.netfilter.nf_conntrack_${name}=${timeout}`
  )
}

function hostRules(type) {
  if (type.remembers) return nft(firewall.remembering())
  return type.firewall ? nft(firewall.host()) : []
}

function nft(rules) {
  return rules === '' ? [] : ["nft -f - <<'RULES'", rules, 'RULES']
}

const LAN = '192.168.1'
/** The network to which a host roams. */
const AWAY = { net: '20.3.0', lan: '192.168.2' }
const CARRIER = '100.64.0'

/** Without IPv6, a namespace sends nothing by itself. */
const START = [
  'sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 || true',
  'sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0',
  'ip link set lo up'
]
