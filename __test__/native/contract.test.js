// docs/CONTRACT.md names a test for each row of the contract. Each of these tests exists.

const test = require('brittle')
const { fs, path } = require('../helpers/runtime')

const ROOT = path.join(__dirname, '..', '..')

/** A row without a test begins with one of these. */
const EXCUSES = ['see ', 'a package of its own', 'Rust: ']

const rows = read('docs/CONTRACT.md')
  .split('\n')
  .filter(line => line.startsWith('| ') && !line.startsWith('| what |'))
  .filter(line => !line.startsWith('| --- '))
  .map(line => line.slice(2, -2).split(' | '))

test('every row names its tests', t => {
  t.ok(rows.length > 150)
  for (const [what, tests] of rows) {
    const excused = EXCUSES.some(text => tests?.startsWith(text))
    t.ok(excused || tests?.includes(' › '), what)
  }
})

test('every test that is named exists', t => {
  const named = rows
    .flatMap(([, tests]) => tests.split('<br>'))
    .filter(each => each.includes(' › '))
  for (const name of new Set(named)) {
    const [file, title] = name.split(' › ')
    const code = read(`__test__/${file}.test.js`) || ''
    const calls = ['test', 'testIPv6'].flatMap(call => [
      `${call}('${title}'`,
      `${call}(\`${title}\``
    ])
    t.ok(
      calls.some(call => code.includes(call)),
      name
    )
  }
})

/** The text of a file. Null if the file does not exist. */
function read(file) {
  const whole = path.join(ROOT, ...file.split('/'))
  return fs.existsSync(whole) ? fs.readFileSync(whole, 'utf8') : null
}
