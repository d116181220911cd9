// What the npm module has and this version has not: it says so, it does not guess.

/** Throws for an option that would change what happens, if it worked. */
exports.refuse = function refuse(opts, names) {
  for (const name of names) {
    if (opts?.[name]) throw error(`The option ${name}`)
  }
}

/** Gives the class of a node the methods that it has not. */
exports.standIn = function standIn(DHT) {
  throwing(DHT, ['connectRawStream'])
  throwing(DHT.prototype, ['pool', 'createRawStream'])
}

function throwing(target, names) {
  for (const name of names) {
    target[name] = () => {
      throw error(`${name}()`)
    }
  }
}

function error(what) {
  const err = new Error(`${what} is not supported in this version of hyperdht-native`)
  err.code = 'NOT_SUPPORTED'
  return err
}
