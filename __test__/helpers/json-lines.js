// JSON objects, one a line, over a pair of streams.

const b4a = require('b4a')

module.exports = class JsonLines {
  constructor(readable, writable, onmessage) {
    this._writable = writable
    this._onmessage = onmessage
    this._chunks = []

    readable.on('data', chunk => this._ondata(chunk))
  }

  send(message) {
    this._writable.write(JSON.stringify(message) + '\n')
  }

  _ondata(chunk) {
    if (typeof chunk === 'string') chunk = b4a.from(chunk)

    while (true) {
      const end = chunk.indexOf(NEWLINE)
      if (end === -1) break
      this._chunks.push(chunk.subarray(0, end))
      const line = b4a.toString(b4a.concat(this._chunks))
      this._chunks = []
      chunk = chunk.subarray(end + 1)
      if (line.startsWith('{')) this._onmessage(JSON.parse(line))
    }

    if (chunk.byteLength > 0) this._chunks.push(chunk)
  }
}

const NEWLINE = 10
