// What a benchmark needs before it can run.

const fs = require('fs')
const path = require('path')

const ROOT = path.join(__dirname, '../..')

/** @returns {{ missing: string, remedy: string, needed: boolean }[]} */
exports.problems = function problems(benches) {
  const own = benches.flatMap(bench => (bench.ready ? bench.ready() : []))
  return [...reference(), ...addon(), ...own]
}

/** A program that cargo builds, in the folder of the package's workspace. */
exports.program = function program(name) {
  const target = process.env.CARGO_TARGET_DIR || path.join(ROOT, 'target')
  return path.join(target, 'release', name)
}

/** What is missing if there is no such program. */
exports.built = function built(name) {
  if (fs.existsSync(exports.program(name))) return []
  const remedy = `cargo build --release -p ${name}`
  return [{ missing: `the program ${name} is not built`, remedy, needed: true }]
}

function reference() {
  try {
    require.resolve('hyperdht-reference')
    return []
  } catch {
    return [{ missing: 'the reference is not installed', remedy: 'npm install', needed: true }]
  }
}

function addon() {
  try {
    require('../../binding')
    return []
  } catch {
    return [{ missing: 'the addon is not built', remedy: 'npm run build', needed: true }]
  }
}
