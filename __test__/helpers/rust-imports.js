// The imports between the modules of a Rust crate, from its `use` lines and its inline paths.

const { fs, path } = require('./runtime')

/**
 * The imports between the top modules of a crate, in product code.
 *
 * @param {string} root the crate's `src` folder
 * @returns {{ modules: string[], imports: { file: string, from: string, to: string, name: string
 * }[] }}
 */
module.exports = function rustImports(root) {
  const files = rustFiles(root)
  const sources = new Map(files.map(file => [file, productCode(path.join(root, file))]))
  const modules = topModules(files)
  const exported = exportsOf(sources)
  const imports = []
  for (const [file, code] of sources) {
    const here = modulePath(file)
    if (!here.length) continue
    for (const name of pathsIn(code, here)) {
      const to = modules.includes(name[0]) ? name[0] : exported.get(name[0])
      const foreign = exported.has(name[0]) && !modules.includes(to)
      if (to !== here[0] && !foreign) {
        imports.push({ file, from: here[0], to, name: name.join('::') })
      }
    }
  }
  return { modules, imports }
}

/**
 * The circles among the modules of one folder, at any depth. Imports between a folder and its own
 * `mod.rs` do not count.
 *
 * @param {string} root the crate's `src` folder
 * @returns {string[]} the modules of each circle
 */
module.exports.circles = function circles(root) {
  const files = rustFiles(root).filter(file => !isTest(file))
  const modules = new Set(files.map(file => modulePath(file).join('::')))
  const below = new Map()
  for (const file of files) {
    const here = modulePath(file)
    for (const name of pathsIn(productCode(path.join(root, file)), here)) {
      const [from, to] = apart(here, moduleOf(name, modules))
      if (from && to) below.set(from, (below.get(from) || new Set()).add(to))
    }
  }
  const found = [...below.keys()].map(each => circleOf(each, below)).filter(Boolean)
  return [...new Set(found)]
}

module.exports.rustFiles = rustFiles
module.exports.isTest = isTest
module.exports.uncommented = uncommented

/** Every Rust file below a folder, with `/` between the names. */
function rustFiles(root, below = '') {
  const entries = fs.readdirSync(path.join(root, below), { withFileTypes: true })
  return entries.flatMap(entry => {
    const file = below ? `${below}/${entry.name}` : entry.name
    if (entry.isDirectory()) return rustFiles(root, file)
    return entry.name.endsWith('.rs') ? [file] : []
  })
}

/** Test code lives in folders and files with this name. */
function isTest(file) {
  return /(^|\/)tests(\/|\.rs$)/.test(file)
}

/** A file without comments, strings and the tests at its bottom; nothing of a test file. */
function productCode(file) {
  if (isTest(file)) return ''
  const code = uncommented(fs.readFileSync(file, 'utf8')).replace(/\r/g, '')
  const tests = code.search(/^#\[cfg\(test\)\]\s*mod tests \{/m)
  return tests < 0 ? code : code.slice(0, tests)
}

function uncommented(code) {
  return code
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/(^|[^:"])\/\/.*$/gm, '$1')
    .replace(/'"'/g, '')
    .replace(/"(?:[^"\\]|\\[\s\S])*"/g, '""')
}

/** `a/mod.rs` and `a.rs` are `[a]`, the crate's root is `[]`. */
function modulePath(file) {
  const parts = file.replace(/\.rs$/, '').split('/')
  const last = parts.at(-1)
  return last === 'mod' || (parts.length === 1 && last === 'lib') ? parts.slice(0, -1) : parts
}

function topModules(files) {
  const tops = files.filter(file => !isTest(file)).map(file => modulePath(file)[0])
  return [...new Set(tops)].filter(Boolean)
}

/** Names of the crate's root, and the module that each comes from. */
function exportsOf(sources) {
  const exported = new Map()
  for (const { name, as } of uses(sources.get('lib.rs') || '', [])) {
    if (as !== '*') exported.set(as, name[0])
    else
      for (const each of uses(sources.get(`${name[0]}/mod.rs`) || '', []))
        exported.set(each.as, name[0])
  }
  return exported
}

/** Absolute paths below the crate that a file names. */
function pathsIn(code, here) {
  const used = uses(code, here).map(use => use.name)
  const rest = code.replace(/\b(?:use|pub\(in)\s[^;)]*[;)]/g, '')
  const inline = rest.matchAll(/\b(?:crate|super)(?:::\w+)+/g)
  const named = [...inline].map(([text]) => absolute(text.split('::'), here))
  return [...used, ...named].filter(name => name?.length)
}

/** Everything that `use` lines name. */
function uses(code, here) {
  const lines = [...code.matchAll(/\buse\s+([^;]+);/g)].map(([, tree]) => tree)
  return lines.flatMap(expand).flatMap(text => {
    const [whole, as] = text.split(/\s+as\s+/)
    const parts = whole.split('::').map(part => part.trim())
    const own = ['crate', 'super', 'self'].includes(parts[0]) || here.length === 0
    if (!own) return []
    if (parts.at(-1) === 'self') parts.pop()
    return [{ name: absolute(parts, here), as: as || parts.at(-1) }]
  })
}

/** `a::{b, c::{d}}` is `a::b` and `a::c::d`. */
function expand(tree) {
  const open = tree.indexOf('{')
  if (open < 0) return [tree.trim()]
  const head = tree.slice(0, open).trim()
  const inner = tree.slice(open + 1, tree.lastIndexOf('}'))
  const parts = ['']
  let depth = 0
  for (const char of inner) {
    depth += char === '{' ? 1 : char === '}' ? -1 : 0
    if (char === ',' && depth === 0) parts.push('')
    else parts[parts.length - 1] += char
  }
  return parts.filter(part => part.trim()).flatMap(part => expand(part).map(each => head + each))
}

function absolute(parts, here) {
  let base = null
  const rest = [...parts]
  while (['crate', 'self', 'super'].includes(rest[0])) {
    const step = rest.shift()
    if (step === 'crate') base = []
    else if (step === 'self') base = [...here]
    else base = (base || here).slice(0, -1)
  }
  return [...(base || []), ...rest]
}

/** The module that a path leads into. */
function moduleOf(name, modules) {
  const parts = [...name]
  while (parts.length && !modules.has(parts.join('::'))) parts.pop()
  return parts
}

/** Where two modules part: their ancestors in the folder that holds both. */
function apart(from, to) {
  let depth = 0
  while (depth < from.length && from[depth] === to[depth]) depth++
  if (depth >= from.length || depth >= to.length) return []
  return [from, to].map(each => each.slice(0, depth + 1).join('::'))
}

function circleOf(module, below) {
  const members = [...reachable(module, below)].filter(each => reachable(each, below).has(module))
  return members.length ? members.sort().join(' ') : null
}

function reachable(module, below) {
  const found = new Set()
  const open = [module]
  while (open.length) {
    for (const next of below.get(open.pop()) || []) {
      if (!found.has(next)) open.push(next)
      found.add(next)
    }
  }
  return found
}
