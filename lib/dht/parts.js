// What a node is made of. A program that loads the package and makes no node does without it.

const { Health, NodeSet } = require('./views')

module.exports = {
  Health,
  IO: require('./io'),
  Internals: require('./internals'),
  NodeSet,
  NodeState: require('./node-state'),
  RoutingTable: require('./routing-table'),
  watchTable: require('./watch-table')
}
