// docs/ARCHITECTURE.md lists the modules of each crate from the bottom up. No module imports one
// from above it, and the modules of one folder do not import each other in a circle.

const test = require('brittle')
const rustImports = require('../helpers/rust-imports')
const { fs, path } = require('../helpers/runtime')

const { rustFiles, isTest, uncommented } = rustImports
const ROOT = path.join(__dirname, '..', '..')
const CRATES = [
  'crates/udx',
  'crates/proto',
  'crates/hyperdht',
  'crates/border',
  'crates/netsim',
  'src'
]

/** What each crate may name, beside itself. */
const BELOW = {
  'crates/udx': [],
  'crates/proto': ['crates/udx'],
  'crates/hyperdht': ['crates/proto'],
  'crates/border': ['crates/hyperdht'],
  'crates/netsim': ['crates/proto'],
  src: ['crates/hyperdht', 'crates/border']
}

/** How code names a crate. */
const NAMES = {
  'crates/udx': ['udx', 'hyperdht_udx'],
  'crates/proto': ['proto', 'hyperdht_proto'],
  'crates/hyperdht': ['hyperdht'],
  'crates/border': ['border', 'hyperdht_border'],
  'crates/netsim': ['netsim']
}

/** A module of tests under another name. */
const TEST_MODULE = /#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub\S* )?mod (?!tests\b)/

const document = fs.readFileSync(path.join(ROOT, 'docs', 'ARCHITECTURE.md'), 'utf8')

for (const crate of CRATES) {
  const folder = path.join(ROOT, ...sourceOf(crate).split('/'))
  const files = rustFiles(folder)

  test(`${crate}: every module has a layer, and imports none above its own`, t => {
    const layers = layersOf(crate)
    const { modules, imports } = rustImports(folder)
    t.alike([...layers].sort(), [...modules].sort(), 'the document names every module')
    t.ok(imports.length > 0, 'the crate was read')
    const upward = imports
      .filter(({ from, to }) => !layers.includes(to) || layers.indexOf(to) > layers.indexOf(from))
      .map(({ file, name }) => `${file} ${name}`)
    t.alike(upward, [], 'no import goes up')
  })

  test(`${crate}: the modules of a folder form no circle`, t => {
    t.alike(rustImports.circles(folder), [])
  })

  test(`${crate} names no crate above its own`, t => {
    const above = Object.keys(NAMES).filter(name => !BELOW[crate].includes(name) && name !== crate)
    const names = above.flatMap(name => NAMES[name])
    const pattern = new RegExp(`(?<![\\w:])(${names.join('|')})::`)
    t.alike(
      files.filter(file => pattern.test(read(folder, file))),
      []
    )
  })

  test(`${crate}: one module style, and test code in files that say so`, t => {
    const folders = new Set(files.map(file => file.split('/').slice(0, -1).join('/')))
    const beside = files.filter(file => folders.has(file.replace(/\.rs$/, '')))
    t.alike(beside, [], 'foo/mod.rs, not foo.rs beside foo/')
    const product = files.filter(file => !isTest(file))
    const hidden = product.filter(file => TEST_MODULE.test(read(folder, file)))
    t.alike(hidden, [], 'test modules are called `tests`')
  })
}

/** The modules of a crate, from the bottom up. */
function layersOf(crate) {
  const [, section = ''] = document.split(`### \`${crate}\`\n`)
  const rows = section
    .split('\n#')[0]
    .split('\n')
    .filter(line => line.startsWith('| `'))
  return rows.flatMap(row => [...row.split(' | ')[0].matchAll(/`(\w+)`/g)].map(([, name]) => name))
}

function sourceOf(crate) {
  return crate === 'src' ? crate : `${crate}/src`
}

function read(folder, file) {
  return uncommented(fs.readFileSync(path.join(folder, file), 'utf8'))
}
