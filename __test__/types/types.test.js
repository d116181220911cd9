// The type declarations, as programs see them: in an installed package, under `tsc --strict` with
// every library checked, by the oldest and the newest compiler that are supported.

const test = require('brittle')
const { spawnSync } = require('child_process')
const fs = require('fs')
const os = require('os')
const path = require('path')

const ROOT = path.join(__dirname, '..', '..')
const PROGRAMS = path.join(__dirname, 'programs')
const MODULES = ['api.mts', 'streams.mts', 'readme-0.mts', 'readme-1.mts']
const NODE = { types: ['node'], files: [...MODULES, 'default.cts', 'require.cts'] }
const SETTINGS = {
  node16: { module: 'node16', target: 'es2022', ...NODE },
  nodenext: { module: 'nodenext', target: 'es2022', ...NODE },
  bundler: {
    ...{ module: 'esnext', moduleResolution: 'bundler', target: 'es2022', esModuleInterop: true },
    ...{ types: ['node'], files: MODULES }
  },
  // Neither the types of Node.js nor those of a browser are needed.
  'no runtime': {
    ...{ module: 'nodenext', target: 'es2022', lib: ['es2022'] },
    ...{ types: [], files: ['api.mts', 'require.cts'] }
  }
}

/** The oldest one is slow, and takes `nodenext` as `node16`. */
const COMPILERS = {
  'typescript-5.9': ['node16', 'bundler', 'no runtime'],
  'typescript-7': Object.keys(SETTINGS)
}

const folder = install()

for (const [compiler, names] of Object.entries(COMPILERS)) {
  for (const name of names) {
    test(`${compiler}, ${name}`, { timeout: 300_000 }, t => {
      t.is(compile(compiler, SETTINGS[name]), '')
    })
  }
}

process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }))

/** A folder with the programs, the examples of the README, and the declarations that npm would pack. */
function install() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hyperdht-types-'))
  fs.cpSync(PROGRAMS, folder, { recursive: true })

  const readme = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8')
  for (const [index, [, code]] of [...readme.matchAll(/^```javascript\n(.*?)^```/gms)].entries()) {
    fs.writeFileSync(path.join(folder, `readme-${index}.mts`), code)
  }

  const installed = path.join(folder, 'node_modules', 'hyperdht')
  for (const file of packedFiles()) {
    if (!/\.d\.ts$|^package\.json$/.test(file)) continue
    fs.mkdirSync(path.dirname(path.join(installed, file)), { recursive: true })
    fs.copyFileSync(path.join(ROOT, file), path.join(installed, file))
  }
  fs.symlinkSync(
    path.join(ROOT, 'node_modules', '@types'),
    path.join(folder, 'node_modules', '@types')
  )
  return folder
}

function packedFiles() {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
    shell: process.platform === 'win32'
  })
  return JSON.parse(stdout)[0].files.map(file => file.path)
}

/** The errors that the compiler prints. */
function compile(compiler, { files, ...compilerOptions }) {
  const options = { strict: true, noEmit: true, skipLibCheck: false, ...compilerOptions }
  const project = path.join(folder, 'tsconfig.json')
  fs.writeFileSync(project, JSON.stringify({ compilerOptions: options, files }))

  const tsc = path.join(ROOT, 'node_modules', compiler, 'bin', 'tsc')
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', project], {
    encoding: 'utf8'
  })
  return stdout + stderr
}
