// The folder that the demo runs in: this package installed as users install it, and the apps.
//
// HYPERDHT_DEMO_PACKAGE installs another package under the name hyperdht (to compare).

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { join, relative } from 'node:path'
import { build } from './build.mjs'
import { manifest, pack } from './pack.mjs'
import { ensureInstalled, fail, hasCargo, npm, prebuild, root, say } from './tools.mjs'

/** Builds the package and installs it, under the name hyperdht, beside copies of the two apps. */
export function prepare(folder, inNode) {
  if (!ensureInstalled()) fail('npm install failed.')
  mkdirSync(folder, { recursive: true })

  const other = process.env.HYPERDHT_DEMO_PACKAGE
  install(folder, inNode, other || packed(folder))

  for (const app of ['server-app', 'client-app']) {
    mkdirSync(join(folder, app), { recursive: true })
    copyFileSync(join(root, 'examples', app, 'index.js'), join(folder, app, 'index.js'))
  }
  for (const file of ['runner.mjs', 'dht.mjs']) {
    copyFileSync(join(root, 'examples', 'demo', file), join(folder, file))
  }
}

/** Packs this package as npm publishes it; the result is a dependency specification. */
function packed(folder) {
  if (!hasCargo() && existsSync(prebuild)) {
    say(`cargo is missing: the demo takes ${relative(root, prebuild)} as it is`)
  } else if (!build()) {
    fail('The addon was not built.')
  }

  say('Packing this package as npm would publish it (npm pack)')
  const tarball = pack(folder)
  if (tarball === null) fail('npm pack failed.')
  return 'file:' + tarball
}

function install(folder, inNode, hyperdht) {
  const dependencies = {
    b4a: '^1.9.0',
    'bare-process': inNode ? 'file:' + join(root, 'examples', 'demo', 'bare-process') : '^4.5.1',
    hyperdht
  }
  const { overrides } = manifest()
  const consumer = { private: true, type: 'module', dependencies, overrides }
  const text = JSON.stringify(consumer, null, 2) + '\n'
  const file = join(folder, 'package.json')
  const installed = join(folder, 'node_modules', 'hyperdht')
  const tarball = hyperdht.startsWith('file:') ? hyperdht.slice(5) : null

  const same = existsSync(file) && readFileSync(file, 'utf8') === text && existsSync(installed)
  const fresh = !tarball || (same && statSync(installed).ctimeMs > statSync(tarball).mtimeMs)
  if (same && fresh) return

  say(`Installing it as 'hyperdht' into ${relative(root, folder)} (npm install)`)
  rmSync(installed, { recursive: true, force: true })
  writeFileSync(file, text)
  const args = ['install', '--no-package-lock', '--no-audit', '--no-fund', '--install-links']
  if (!npm(args, { cwd: folder })) fail('npm install failed.')
}
