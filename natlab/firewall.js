// Rules of nftables.

const ANSWERS = 'ct state established,related accept'

/**
 * Those of a NAT. What nobody inside asked for is dropped before conntrack confirms an entry, which
 * would take the port from the host that uses it later.
 *
 * @param {import('./cells').Box} box
 * @param {string} host the address inside that gets what is forwarded
 */
exports.nat = function nat({ masquerade, forwardsAll, blocksUdp }, host) {
  if (masquerade === undefined) return ''
  const forwarding = [
    ...(blocksUdp ? ['meta l4proto udp drop'] : []),
    'iifname "lan" accept',
    ...(forwardsAll ? ['iifname "wan" meta l4proto udp accept'] : []),
    ANSWERS
  ]
  const arriving = forwardsAll ? [`iifname "wan" meta l4proto udp dnat to ${host}`] : []
  return [
    table('filter', [
      chain('input', 'filter', 'input', 'drop', [ANSWERS]),
      chain('forward', 'filter', 'forward', 'drop', forwarding)
    ]),
    table('nat', [
      chain('arriving', 'nat', 'prerouting', 'accept', arriving),
      chain('leaving', 'nat', 'postrouting', 'accept', [`oifname "wan" masquerade ${masquerade}`])
    ])
  ].join('\n')
}

/** Those of a host that lets only answers in. */
exports.host = function host() {
  const rules = ['iifname "lo" accept', ANSWERS]
  return table('filter', [chain('input', 'filter', 'input', 'drop', rules)])
}

/**
 * Those of a host that lets in the hosts that it has sent to, whatever their ports. Such a host is
 * told that strangers reach it: only nodes that it knows can check that.
 */
exports.remembering = function remembering() {
  const rules = ['iifname "lo" accept', ANSWERS, 'ip saddr @known accept']
  return table('filter', [
    'set known { type ipv4_addr; flags dynamic, timeout; timeout 60s; }',
    chain('input', 'filter', 'input', 'drop', rules),
    chain('output', 'filter', 'output', 'accept', ['add @known { ip daddr }'])
  ])
}

function table(name, chains) {
  return `table ip ${name} {\n${chains.join('\n')}\n}`
}

function chain(name, type, hook, policy, rules) {
  const priority = { prerouting: -100, postrouting: 100 }[hook] ?? 0
  const lines = [`type ${type} hook ${hook} priority ${priority}; policy ${policy};`, ...rules]
  return `chain ${name} {\n${lines.join('\n')}\n}`
}
