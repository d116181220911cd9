import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './tools.mjs'

/** Files directly in `folder` (relative to the root) that end with `suffix`, sorted. */
export function globFiles(folder, suffix) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder))
    .filter(name => name.endsWith(suffix))
    .sort()
    .map(name => `${folder}/${name}`)
}
