// Sets SO_MARK on sockets of this process. JavaScript cannot, so that a program in Python gets a copy
// of each descriptor. Linux, and a user who may do that.

const b4a = require('b4a')
const { childProcess, fs, path, process } = require('./runtime')

module.exports = class Marker {
  constructor(folder) {
    const [asked, done] = ['asked', 'done'].map(name => path.join(folder, name))
    for (const fifo of [asked, done]) run('mkfifo', fifo)
    const args = ['-c', PROGRAM, String(process.pid), asked, done]
    this._child = childProcess.spawn('python3', args, { stdio: ['ignore', 'ignore', 'inherit'] })
    this._asked = fs.openSync(asked, 'w')
    this._done = fs.openSync(done, 'r')
  }

  /** Marks a socket before it returns. */
  mark(fd, mark) {
    const question = b4a.from(`${fd} ${mark}\n`)
    const answer = b4a.alloc(1)
    fs.writeSync(this._asked, question, 0, question.byteLength, HERE)
    fs.readSync(this._done, answer, 0, 1, HERE)
    return answer[0] === OK
  }

  /** Ends the program. */
  close() {
    fs.closeSync(this._asked)
    fs.closeSync(this._done)
  }

  /** Whether this host has Python with what the program needs. */
  static isAvailable() {
    try {
      const check = 'import os; os.pidfd_open'
      return childProcess.spawnSync('python3', ['-c', check]).status === 0
    } catch {
      return false
    }
  }
}

function run(...[command, ...args]) {
  const { status, stderr } = childProcess.spawnSync(command, args)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}

const OK = 0x2b

/** A pipe has no positions. */
const HERE = -1

// 438 is the number of pidfd_getfd on all processors, 36 that of SO_MARK on most.
const PROGRAM = `
import ctypes, os, socket, sys
pid, asked, done = sys.argv[1:]
process = os.pidfd_open(int(pid))
libc = ctypes.CDLL(None, use_errno=True)
asked, done = open(asked), open(done, 'wb', buffering=0)
for line in asked:
    fd, mark = map(int, line.split())
    copy = libc.syscall(438, process, fd, 0)
    try:
        socket.socket(fileno=copy).setsockopt(socket.SOL_SOCKET, 36, mark)
        done.write(b'+')
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        done.write(b'-')
`
