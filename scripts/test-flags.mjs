// The flags of scripts/test.mjs.

import { parseArgs } from 'node:util'
import { fail } from './tools.mjs'

const USAGE = `usage: npm test [-- flags], npm run test:long [-- flags]

  --long            more of everything that takes time
  --js              only the JavaScript steps (the addon is still built)
  --reference       only the JavaScript tests that run on the npm reference; builds nothing
  --filter <text>   only the JavaScript test files whose path contains the text
  --help            this text`

/**
 * Ends the process when a flag is not known, or when this text is asked for.
 *
 * @param {string[]} args
 * @returns {{ long: boolean, js: boolean, reference: boolean, filter: string }}
 */
export function readFlags(args) {
  const { help, ...flags } = parse(args)
  if (!help) return flags
  process.stdout.write(USAGE + '\n')
  process.exit(0)
}

function parse(args) {
  try {
    return parseArgs({ args, options: OPTIONS }).values
  } catch (err) {
    return fail(`${err.message}\n\n${USAGE}`)
  }
}

const OPTIONS = {
  long: { type: 'boolean', default: false },
  js: { type: 'boolean', default: false },
  reference: { type: 'boolean', default: false },
  filter: { type: 'string', default: '' },
  help: { type: 'boolean', default: false }
}
