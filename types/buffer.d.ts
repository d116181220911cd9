/** The Buffer of Node.js if its types are installed, else its common part. */
export type Buffer = typeof globalThis extends { Buffer: { alloc(size: number): infer B } }
  ? B
  : Uint8Array
