// This package as npm publishes it: one tarball.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { npm, root } from './tools.mjs'

/** The manifest of this package. */
export function manifest() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
}

/** Packs it into a folder, and tells where the tarball is; null if npm failed. */
export function pack(folder) {
  const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder]
  // npm prints the file's name, which we know.
  if (!npm(args, { stdio: ['ignore', 'ignore', 'inherit'] })) return null
  const { name, version } = manifest()
  return join(folder, `${name}-${version}.tgz`)
}
