// The network that nodes of this process join unless they are told another.

const { BOOTSTRAP_NODES } = require('hyperdht/lib/constants')
const { process } = require('../../helpers/runtime')

BOOTSTRAP_NODES.splice(0, Infinity, ...JSON.parse(process.env.HYPERDHT_APP_BOOTSTRAP))
