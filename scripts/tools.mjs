// Functions that the scripts share. Only Node built-ins, because they run on a fresh clone.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

export const isWindows = process.platform === 'win32'

/** Where the addon for this machine lies: one file for Node and Bare. */
export const prebuild = join(root, 'prebuilds', host(), 'hyperdht-native.node')

export function say(text) {
  process.stdout.write(`\n> ${text}\n`)
}

/** Ends the process with a message for the user. */
export function fail(text) {
  process.stderr.write(`\n${text}\n`)
  process.exit(1)
}

/** Runs a command to its end with the terminal's own input and output; true when it succeeded. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  return result.status === 0
}

/** Runs npm, which is a script on Windows. */
export function npm(args, options = {}) {
  return run(isWindows ? 'npm.cmd' : 'npm', args, { shell: isWindows, ...options })
}

/** Runs a command, shows its output, and resolves with { code, output }; kills it after `timeout`. */
export function capture(command, args, { env = {}, timeout = 0, cwd = root } = {}) {
  return new Promise(resolve => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', text => {
        output += text
        process.stdout.write(text)
      })
    }

    let timedOut = false
    function stop() {
      timedOut = true
      child.kill('SIGKILL')
    }
    const timer = timeout && setTimeout(stop, timeout)
    child.on('error', err => {
      output += err.message
    })
    child.on('close', code => {
      clearTimeout(timer)
      resolve({ code: timedOut ? 1 : code, output, timedOut })
    })
  })
}

/** Installs node_modules when it is missing, or older than the lock file. */
export function ensureInstalled() {
  const installed = join(root, 'node_modules', '.package-lock.json')
  const lock = join(root, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return true

  say('Installing the npm packages that the tests and the demo need (npm install)')
  // Not `npm ci`: it refuses a lock file that lacks other platforms' optional packages, which is
  // what a registry that does not carry them leaves. `--no-save` installs by the lock file all the
  // same, and does not rewrite it.
  return npm(['install', '--no-save', '--no-audit', '--no-fund'])
}

export function hasCargo() {
  return spawnSync('cargo', ['--version'], { cwd: root }).status === 0
}

/** The Bare executable among the development dependencies. */
export function bare() {
  return createRequire(join(root, 'package.json'))('bare-runtime')()
}

export const CARGO_IS_MISSING =
  'cargo was not found. This package is built from source: install Rust from https://rustup.rs, then run the command again.'

/** `<platform>-<arch>`, with `-musl` on Linux without glibc. */
function host() {
  const name = `${process.platform}-${process.arch}`
  if (process.platform !== 'linux') return name
  return process.report.getReport().header.glibcVersionRuntime ? name : name + '-musl'
}
