/**
 * Asynchronous contexts, from which a program's instances of AsyncLocalStorage take their values. All
 * events of a node come in one callback of the addon. So each connection has a context of its own,
 * and listeners are called in that of their connection. As in the reference, it is the caller's until
 * the connection has opened, and then one without values of the program.
 *
 * What a listener enters by `enterWith`, later listeners of its connection see in Node.js 20, whose
 * contexts change. Those of Node.js 24 do not change.
 *
 * Bare has no contexts. Node.js has `process.getBuiltinModule` from 20.16 and 22.3 on. A `require` instead of
 * it would make bundlers look for the module.
 */
const { AsyncResource, executionAsyncId } =
  globalThis.process?.getBuiltinModule?.('async_hooks') || {}

/**
 * That in which the package was loaded. Contexts without values are made in it. Listeners never run
 * in it, so that it stays as it is.
 */
const LOADED = AsyncResource ? create() : null

/** The present context. Null if the runtime has none. */
exports.capture = LOADED === null ? () => null : create

/**
 * Calls `fn` in the context of `owner`. If the owner has no context, it gets a new one, in which the
 * program has stored nothing.
 *
 * @template T
 * @param {{ context: object | null }} owner
 * @param {(argument?: any) => T} fn called as a method of `owner`
 * @param {any} [argument]
 * @returns {T}
 */
exports.run = LOADED === null ? call : runIn

/** Tells contexts apart: a number for each. */
exports.id = executionAsyncId || (() => 0)

/** Calls a function in a new context, in which the program has stored nothing. */
exports.runApart = LOADED === null ? fn => fn() : fn => createApart().runInAsyncScope(fn)

function call(owner, fn, argument) {
  return fn.call(owner, argument)
}

function runIn(owner, fn, argument) {
  owner.context ??= createApart()
  return owner.context.runInAsyncScope(fn, owner, argument)
}

function createApart() {
  return LOADED.runInAsyncScope(create)
}

function create() {
  return new AsyncResource('hyperdht')
}
