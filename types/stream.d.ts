import { CodedError, Emitter } from './emitter'

/** The members that each stream of streamx has. */
interface Stream {
  readonly readable: boolean
  readonly writable: boolean
  readonly destroying: boolean
  readonly destroyed: boolean
  destroy(err?: Error | null): void
}

interface StreamEvents {
  error: [err: CodedError]
  close: []
}

export interface ReadableEvents<T> extends StreamEvents {
  data: [data: T]
  end: []
  readable: []
  piping: [dest: any]
}

export interface WritableEvents {
  drain: []
  finish: []
  pipe: [src: any]
}

/** The reading side of a stream of streamx, in a shape that Node's stream functions take. */
export interface ReadableSide<T> {
  /** Null if there is nothing. A size is ignored. */
  read(): T | null
  read(size?: number): any
  push(data: T | null): boolean
  unshift(data: any): void
  pause(): this
  resume(): this
  /** `cb` is called when all is written, or with the error that ended it; it then ends both. */
  pipe<S>(dest: S, cb?: unknown): S
  setEncoding(encoding: any): this
  [Symbol.asyncIterator](): AsyncIterableIterator<T>

  /** @deprecated Throws: streamx has no such method, and Node's types ask for it. */
  isPaused(): never
  /** @deprecated Throws: streamx has no such method, and Node's types ask for it. */
  unpipe(dest?: unknown): never
  /** @deprecated Throws: streamx has no such method, and Node's types ask for it. */
  wrap(stream: unknown): never
}

/** The writing side of a stream of streamx, in a shape that Node's stream functions take. */
export interface WritableSide<T> {
  /** False: wait for 'drain' before the next one. */
  write(data: T): boolean
  /** Writes the data, if any, and ends. The function is called at 'finish'. */
  end(data?: T | null | (() => void)): this
  cork(): void
  uncork(): void
}

/** A Readable of streamx. */
export interface Readable<T> extends Stream, Emitter<ReadableEvents<T>>, ReadableSide<T> {}

/** A Duplex of streamx, with the events of a subclass. */
export interface Duplex<R, W, Events extends ReadableEvents<R> & WritableEvents>
  extends Stream,
    Emitter<Events>,
    ReadableSide<R>,
    WritableSide<W> {}
