/** Linux with musl has this file. */
const ALPINE = '/etc/alpine-release'

module.exports = prebuilt() || found()

/**
 * The addon where a package for Node.js has it. The loader reads more files to find it than the rest
 * of this package has. Null if it is not there, or in a runtime with a loader of its own. A bundler
 * cannot know the name of this file: it takes the addon from the call in `found`, and so does the
 * bundle, which has no such file beside it.
 */
function prebuilt() {
  if (typeof require.addon === 'function' || hasMusl()) return null
  const file = `${__dirname}/prebuilds/${process.platform}-${process.arch}/hyperdht-native.node`
  try {
    return require(file)
  } catch {
    // the loader looks elsewhere too, and its error says what was tried
    return null
  }
}

function found() {
  require.addon = require('require-addon')

  // Bundlers look for this call in exactly this form, and put the addon where it finds it.
  try {
    return require.addon('.', __filename)
  } catch (err) {
    const addonError = require('./lib/native/addon-error')
    throw addonError(err)
  }
}

// As the loader decides it, but without `fs`, which Bare does not have.
function hasMusl() {
  try {
    return process.platform === 'linux' && !!require.resolve(ALPINE)
  } catch {
    return false
  }
}
