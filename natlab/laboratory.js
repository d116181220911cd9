// A laboratory that exists: its namespaces, its internet, and the processes in it.

const { spawn, spawnSync } = require('child_process')
const { once } = require('events')
const path = require('path')
const topology = require('./topology')
const Peer = require('./peer')

module.exports = class Laboratory {
  /**
   * @param {string} cell
   * @param {object} options those of `topology`, and `internet` (the program), `ttl`, `seed`
   */
  static async open(cell, options) {
    const lab = new Laboratory(topology(cell, options), options)
    try {
      await lab._build()
      return lab
    } catch (err) {
      lab.close()
      throw err
    }
  }

  constructor(plan, options) {
    this.addresses = plan.addresses
    this.relay = plan.relay
    this._plan = plan
    this._options = options
    this._prefix = `${PREFIX}${process.pid}-${++count}-`
    this._children = []
    this._internet = null
    open.add(this)
  }

  /** Starts a program of natlab/peers in a namespace. */
  start(role, namespace, implementation, options) {
    const peer = new Peer(role, this._name(namespace), implementation, options)
    this._children.push(peer.child)
    return peer
  }

  /** From now on, so many percent of the datagrams are lost on each crossing. */
  lose(percent) {
    this._order(`lose ${percent}`)
  }

  /** Makes the change that its options name. */
  async change() {
    const { namespace, lines, reset } = this._plan.change
    if (reset) this._order(`reset ${reset}`)
    else await shell(inside(this._name(namespace)), lines)
  }

  /** Ends all of it, at once: the exit of a process waits for nothing. */
  close() {
    if (!open.delete(this)) return
    for (const child of this._children) child.kill('SIGKILL')
    const names = [...this._plan.namespaces.keys()].map(name => this._name(name))
    remove(names)
  }

  async _build() {
    const { namespaces, cables } = this._plan
    const outside = [...namespaces.keys()].map(name => `ip netns add ${this._name(name)}`)
    for (const { from, device, to, port } of cables) {
      const [near, far] = [this._name(from), this._name(to)]
      outside.push(`ip link add ${device} netns ${near} type veth peer name ${port} netns ${far}`)
    }
    await shell(['sh', '-e'], outside)
    await this._startInternet()
    for (const [name, lines] of namespaces) {
      await shell(inside(this._name(name)), lines)
    }
  }

  async _startInternet() {
    const { internet, ttl, seed } = this._options
    const edges = this._plan.edges.map(({ namespace, net, delay, nat, hairpin }) =>
      [
        `ns=${path.join(FOLDER, this._name(namespace))}`,
        `net=${net}`,
        `delay=${Math.round(delay)}`,
        ...(nat ? [`nat=${nat}`] : []),
        ...(hairpin ? ['hairpin'] : [])
      ].join(',')
    )
    const args = [`ttl=${ttl}`, `seed=${seed}`, ...edges]
    const child = spawn(internet, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin.on('error', noop)
    this._internet = child
    this._children.push(child)
    const failed = once(child, 'exit').then(() => {
      throw new Error('natlab/internet did not start')
    })
    failed.catch(noop)
    await Promise.race([once(child.stdout, 'data'), failed])
  }

  /** A line for natlab/internet. */
  _order(line) {
    this._internet.stdin.write(line + '\n')
  }

  _name(namespace) {
    return this._prefix + namespace
  }
}

/** Removes what a run that was killed left behind. */
module.exports.removeStale = function removeStale() {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' })
  const names = stdout.split('\n').map(line => line.split(' ')[0])
  remove(names.filter(name => name.startsWith(PREFIX) && !isAlive(name)))
}

/** Ends all laboratories of this process. */
module.exports.closeAll = function closeAll() {
  for (const lab of [...open]) lab.close()
}

function isAlive(name) {
  const [pid] = name.slice(PREFIX.length).split('-')
  try {
    process.kill(Number(pid), 0)
    return true
  } catch {
    return false
  }
}

function remove(names) {
  const input = names.map(name => `ip netns del ${name}`).join('\n')
  if (input !== '') spawnSync('sh', [], { input, stdio: ['pipe', 'ignore', 'ignore'] })
}

/** The command of a shell in a namespace. */
function inside(name) {
  return ['ip', 'netns', 'exec', name, 'sh', '-e']
}

async function shell([command, ...args], lines) {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', data => {
    errors += data
  })
  child.stdin.end(lines.join('\n') + '\n')
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${errors}`)
}

const PREFIX = 'natlab-'

/** Where iproute2 keeps its namespaces. */
const FOLDER = '/run/netns'

const open = new Set()
let count = 0

function noop() {}
