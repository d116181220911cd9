// Builds the addon for this machine: cargo build --release, then a copy to prebuilds/<host>/.

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CARGO_IS_MISSING, fail, hasCargo, prebuild, root, run, say } from './tools.mjs'

/** True when the addon stands in prebuilds/. */
export function build() {
  if (!hasCargo()) {
    process.stderr.write(CARGO_IS_MISSING + '\n')
    return false
  }

  say('Building the addon (cargo build --release; the first time takes some minutes)')
  if (!run('cargo', ['build', '--release', '--package', 'hyperdht-native'])) return false

  const library = join(targetDirectory(), 'release', libraryName())
  if (!existsSync(library)) {
    process.stderr.write(`cargo built no ${library}\n`)
    return false
  }

  // A rename replaces the file at once: a process that has the old one loaded keeps it.
  mkdirSync(dirname(prebuild), { recursive: true })
  copyFileSync(library, prebuild + '.new')
  renameSync(prebuild + '.new', prebuild)
  say(`Built ${relative(root, prebuild)}`)
  return true
}

function targetDirectory() {
  const args = ['metadata', '--format-version', '1', '--no-deps']
  const { stdout } = spawnSync('cargo', args, { cwd: root, maxBuffer: 64 * 1024 * 1024 })
  return JSON.parse(stdout).target_directory
}

function libraryName() {
  if (process.platform === 'win32') return 'hyperdht_native.dll'
  if (process.platform === 'darwin') return 'libhyperdht_native.dylib'
  return 'libhyperdht_native.so'
}

if (import.meta.url === pathToFileURL(process.argv[1]).href && !build()) {
  fail('The addon was not built.')
}
