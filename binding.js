const addonError = require('./lib/native/addon-error')

require.addon = require('require-addon')

// Bundlers look for this call as it stands here.
try {
  module.exports = require.addon('.', __filename)
} catch (err) {
  throw addonError(err)
}
