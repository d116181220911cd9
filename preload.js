// Loads the whole package at once. A program requires it before its files may be replaced, or before
// its descriptors may run out.

const { loadAll } = require('./lib/util/lazily')

require('.')
loadAll()
