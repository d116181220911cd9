// A local network of the implementations in turns, and apps on it: each in a process of its own,
// on ours or on the reference.

const test = require('brittle')
const fs = require('fs')
const os = require('os')
const path = require('path')
const Child = require('../../helpers/child')
const { executable } = require('../../helpers/runtime')
const plan = require('../../interop/plan')
const { World } = require('../../interop/world')
const App = require('./app')
const tree = require('./trees')

/** Where our own processes run; the reference always runs in Node. */
exports.runtime = plan.runtime

exports.isLong = !!process.env.HYPERDHT_LONG

exports.implementations = plan.implementations

/** The implementation of a role that has no counterpart. */
exports.ours = plan.ours

/** Who runs the two sides of an app: ours at both, at one, at the other. */
exports.pairs = plan
  .pairs('reference')
  .filter(
    ({ server, client }) => plan.ours === 'reference' || server !== client || server === plan.ours
  )

/** How a test names a pair. */
exports.named = function named({ server, client }) {
  return `server ${server}, client ${client}, ours in ${plan.runtime}`
}

/** A test of its own, because the first installation takes longer than any other test. */
exports.install = function install() {
  test('the apps are installed', { timeout: INSTALLATION }, async t => {
    for (const implementation of plan.implementations) t.ok(await tree(implementation))
  })
}

class Apps extends World {
  /** A network that ends with the test `t`. */
  static async start(t) {
    const apps = await Apps.create(plan.nodeKinds.at(-1), plan.runtime)
    t.teardown(() => apps.destroy())
    return apps
  }

  constructor() {
    super()
    this._commands = []
  }

  /** A program of ../programs that answers calls. */
  async program(name, implementation, runtime = runtimeOf(implementation)) {
    const folder = await tree(implementation)
    const command = [executable(runtime), path.join(folder, name + '.js')]
    const child = await Child.start(command, implementation)
    this.children.push(child)
    return child
  }

  /**
   * A command of an app: `file` is its program in node_modules. Nodes that it makes without
   * `bootstrap` join this network.
   *
   * @param {object} [settings] `runtime`, where an app runs in one only; or an option of App
   */
  async command(file, implementation, args, settings = {}) {
    const { runtime = runtimeOf(implementation), ...options } = settings
    const folder = await tree(implementation)
    const start = START[runtime](folder)
    const program = path.join(folder, 'node_modules', ...file.split('/'))
    const env = { ...options.env, HYPERDHT_APP_BOOTSTRAP: JSON.stringify(this.bootstrap) }
    const app = new App([executable(runtime), ...start, program, ...args], { ...options, env })
    this._commands.push(app)
    return app
  }

  /** What a test of an implementation's own modules requires. */
  async require(implementation, name) {
    return require(require.resolve(name, { paths: [await tree(implementation)] }))
  }

  async destroy() {
    await Promise.all(this._commands.map(app => app.stop()))
    await super.destroy()
  }
}

exports.Apps = Apps

/** An empty folder that goes away with the test `t`. */
exports.temporary = function temporary(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hyperdht-apps-'))
  t.teardown(() => fs.rmSync(folder, { recursive: true, force: true }), { order: Infinity })
  return folder
}

function runtimeOf(implementation) {
  return implementation === 'reference' ? 'node' : plan.runtime
}

/** What a runtime runs before the program of an app. */
const START = {
  node: folder => ['--require', path.join(folder, 'network.js')],
  bare: folder => [path.join(folder, 'launch.js')]
}

/** The first one fetches some hundred packages. */
const INSTALLATION = 1_800_000
