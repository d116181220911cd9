// Functions of Node.js accept the streams and emitters of this package.

import { type EventEmitter, once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { connect } from 'node:net'
import { finished, pipeline } from 'node:stream'
import { pipeline as pipelinePromise } from 'node:stream/promises'
import DHT from 'hyperdht'

const node = new DHT()

const server = node.createServer(conn => {
  process.stdin.pipe(conn).pipe(process.stdout)
})
await server.listen(DHT.keyPair())
console.log(server.publicKey?.toString('hex'))

const connection = node.connect(server.publicKey ?? Buffer.alloc(32))

createReadStream('file').pipe(connection)
connection.pipe(createWriteStream('file'))
connect(1).pipe(connection).pipe(connect(2))
pipeline(process.stdin, connection, () => {})
pipeline(connection, process.stdout, err => err?.code)
pipeline(process.stdin, connection, process.stdout, () => {})
await pipelinePromise(connection, process.stdout)
await pipelinePromise(process.stdin, connection, process.stdout)
finished(connection, () => {})
const duplex: NodeJS.ReadWriteStream = connection

await once(node, 'ready')
await once(server, 'connection')
await once(connection, 'open')
const emitters: EventEmitter[] = [node, server, connection]

const data: Buffer | null = connection.read()
connection.on('data', (data: Buffer) => data.toString())
connection.on('error', (err: NodeJS.ErrnoException) => err.code)
const keyPair: { publicKey: Buffer; secretKey: Buffer } = DHT.keyPair(Buffer.alloc(32))
for await (const { peers } of node.lookup(DHT.hash(Buffer.from('topic'))))
  peers[0]?.publicKey.toString('hex')
