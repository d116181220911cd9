// bare-process does not load in Node: for `npm run demo -- --node`, Node's own process stands in.

module.exports = require('node:process')
