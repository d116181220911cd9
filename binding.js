const addonError = require('./lib/native/addon-error')

require.addon = require('require-addon')

// Bundlers look for this call in exactly this form.
try {
  module.exports = require.addon('.', __filename)
} catch (err) {
  throw addonError(err)
}
