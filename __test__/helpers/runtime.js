// What differs between Node.js and Bare, under one name.

const isBare = typeof Bare !== 'undefined'

exports.isBare = isBare
exports.runtime = isBare ? 'bare' : 'node'
exports.process = isBare ? require('bare-process') : require('process')
exports.childProcess = isBare ? require('bare-subprocess') : require('child_process')
exports.crypto = isBare ? require('bare-crypto') : require('crypto')
exports.fs = isBare ? require('bare-fs') : require('fs')
exports.path = isBare ? require('bare-path') : require('path')

/** The executable of a runtime ('node' or 'bare'), seen from either of them. */
exports.executable = function executable(name) {
  if (name === exports.runtime) return exports.process.execPath
  if (name === 'bare') return require('bare-runtime')()
  return exports.process.env.NODE || 'node'
}
