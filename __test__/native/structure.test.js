// lib/: a module reads and calls `_name` of its own objects only, as `this._name`. One module writes
// the public fields of a node. A folder requires only folders below it, in the order of
// docs/ARCHITECTURE.md.

const test = require('brittle')
const { fs, path } = require('../helpers/runtime')

const ROOT = path.join(__dirname, '../..')
const LIB = path.join(ROOT, 'lib')
const PROGRAMS = ['index.js', 'testnet.js', 'browser.js', 'bin.js']

/** From the bottom up. */
const FOLDERS = folders()

test('no module of lib/ touches the private state of another', t => {
  const files = [...PROGRAMS.map(file => path.join(ROOT, file)), ...modules(LIB)]
  t.ok(files.length > 50)
  for (const file of files) {
    t.alike(reaches(fs.readFileSync(file, 'utf8')), [], path.relative(ROOT, file))
  }
})

test('one module writes the public fields of a node', t => {
  const writing = modules(LIB).filter(file => WRITE.test(fs.readFileSync(file, 'utf8')))
  t.alike(
    writing.map(file => path.relative(LIB, file)),
    [path.join('dht', 'node-state.js')]
  )
  for (const code of ['dht.host = host', 'this._dht.host = 1', 'dht.port += 1', 'dht.n++']) {
    t.ok(WRITE.test(code), code)
  }
  for (const code of ['dht.host === 1', 'const { host } = dht', 'x = dht.host']) {
    t.absent(WRITE.test(code), code)
  }
})

test('a reach is seen in each way that it can be written', t => {
  const own =
    'class A { constructor() { this._own = this._go() } get() { return this._own } _go() {} }'
  t.alike(reaches(own), [])
  t.alike(reaches('dht.query // as dht._query\n/* a._b */'), [])
  t.alike(reaches('opts = { _maxWindow: 1, ...rest }'), [])
  t.alike(reaches('process._tickCallback()'), [])

  t.alike(reaches('dht._native.close()'), ['dht._native'])
  t.alike(reaches('servers.get(id)?._onclosed(null)'), [')._onclosed'])
  t.alike(reaches('class A { go() { this._own = 1; other._own = 2 } }'), ['other._own'])
  t.alike(reaches('function go() { return this._native }'), ['this._native'])
  t.alike(reaches("dht['_native']"), ["['_native']"])
  t.alike(reaches('const { _native, id: _id } = dht'), ['{ _native }'])
  t.alike(reaches('await server\n  ._close()'), ['server._close'])
})

test('no folder of lib/ requires one above it', t => {
  for (const [height, folder] of FOLDERS.entries()) {
    for (const file of modules(path.join(LIB, folder))) {
      const above = requiredFolders(fs.readFileSync(file, 'utf8'), FOLDERS.slice(height + 1))
      t.alike(above, [], path.relative(ROOT, file))
    }
  }
  t.alike(fs.readdirSync(LIB).filter(isFolder).sort(), [...FOLDERS].sort())
  t.alike(requiredFolders("const RPC = require('../dht/rpc')", ['dht']), ['dht'])
})

/** The names of other modules' private state in the source of a module. */
function reaches(source) {
  const code = withoutComments(source)
  const own = new Set()
  for (const [, name] of code.matchAll(/this\.(_\w+) (?:[-+|&?]{0,2}=) /g)) own.add(name)
  for (const [, name] of code.matchAll(/(?:^|[{}\s])(_\w+)\([^()]*\) \{/g)) own.add(name)

  const found = []
  for (const [, object, name] of code.matchAll(/([\w$]+|[)\]])\s*\??\.(_[a-zA-Z]\w*)/g)) {
    if (object === 'process') continue // it belongs to the runtime
    if (object !== 'this' || !own.has(name)) found.push(`${object}.${name}`)
  }
  for (const [text] of code.matchAll(/\[(['"`])_\w+\1\]/g)) found.push(text)
  for (const [, names] of code.matchAll(/\{([^{}]*)\} = /g)) {
    const [name] = /(?<![\w:] ?)_[a-zA-Z]\w*/.exec(names) || []
    if (name) found.push(`{ ${name} }`)
  }
  return found
}

/** An assignment to a field of a node. */
const WRITE = /\b_?dht\.\w+ ?(?:[-+*/|&?]{0,2}=(?!=)|\+\+|--)/

function folders() {
  const document = fs.readFileSync(path.join(ROOT, 'docs/ARCHITECTURE.md'), 'utf8')
  const [, section] = document.split('### `lib`\n')
  const [table] = section.split('\n#')
  return [...table.matchAll(/^\| `(\w+)` /gm)].map(([, folder]) => folder)
}

/** Which of these folders a module requires something of; a type in a comment is no requirement. */
function requiredFolders(source, folders) {
  const required = [...source.matchAll(/require\('\.\.\/([\w-]+)\//g)].map(([, folder]) => folder)
  return required.filter(folder => folders.includes(folder))
}

function withoutComments(source) {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
}

function modules(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const file = path.join(folder, entry.name)
    if (entry.isDirectory()) return modules(file)
    return file.endsWith('.js') ? [file] : []
  })
}

function isFolder(name) {
  return !name.includes('.')
}
