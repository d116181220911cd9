// The instructions of fixed work, by valgrind, beside the counts in bench/instructions.json.
//
//   node bench/instructions.js [--write]
//
// The work is a program of its own, bench/fixed (`cargo build --release -p hyperdht-fixed`). --write
// makes the counts of this run the ones to compare with, under the commit that is checked out: so
// commit first, build the program, and then write. Processors and compilers differ, so that a
// count is compared with one of the same machine.

const { execFile, spawnSync } = require('child_process')
const fs = require('fs')
const path = require('path')
const { promisify } = require('util')
const { machine } = require('./suite/machine')
const { built, program } = require('./suite/ready')

const FILE = path.join(__dirname, 'instructions.json')
const PROGRAM = 'hyperdht-fixed'
const EMPTY = 'nothing'

const bench = {
  name: 'instructions',
  title: 'Instructions',
  sidesTitle: 'counts',
  about:
    'What valgrind counts for a program that does the same work each time (bench/fixed), per piece ' +
    'of work: a UDX packet sent, received and acknowledged; a message encoded and decoded; a frame ' +
    'sealed and opened; a Noise handshake of both ends. The baseline is bench/instructions.json.',
  most: 1,
  defaults: { write: false },
  quick: {},
  figures: [['count', 'instructions', 0]],
  ready() {
    if (hasValgrind()) return built(PROGRAM)
    return [
      { missing: 'valgrind is not installed', remedy: 'apt-get install valgrind', needed: false }
    ]
  },
  cases({ write }) {
    if (!hasValgrind()) return []
    const sides = { counted: () => counted(write), baseline }
    return [
      {
        sides: Object.keys(sides),
        base: 'baseline',
        measure: async side => rows(await sides[side]())
      }
    ]
  }
}

async function counted(write) {
  const work = await list()
  const empty = await count(EMPTY)
  const counts = {}
  for (const [name, times] of work) {
    if (name !== EMPTY) counts[name] = Math.round(((await count(name)) - empty) / Number(times))
  }
  if (write) keep(counts)
  return counts
}

/** The names of the work, and how often each is done. */
async function list() {
  const { stdout } = await promisify(execFile)(program(PROGRAM))
  return stdout
    .trim()
    .split('\n')
    .map(line => line.split(' '))
}

async function count(work) {
  const flags = ['--tool=callgrind', '--callgrind-out-file=/dev/null']
  const { stderr } = await promisify(execFile)('valgrind', [...flags, program(PROGRAM), work])
  const [, found] = /Collected : (\d+)/.exec(stderr) || []
  if (!found) throw new Error(`valgrind counted nothing: ${stderr}`)
  return Number(found)
}

function baseline() {
  return JSON.parse(fs.readFileSync(FILE, 'utf8')).counts
}

function keep(counts) {
  const { date, commit, processors, rustc } = machine()
  const kept = { date, commit, processors, rustc, counts }
  fs.writeFileSync(FILE, JSON.stringify(kept, null, 2) + '\n')
}

function rows(counts) {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, { count }]))
}

function hasValgrind() {
  return spawnSync('valgrind', ['--version']).status === 0
}

module.exports = bench
if (require.main === module) require('./suite/alone')(bench)
