/** Node's Buffer where its types are there; else what is known of it everywhere. */
export type Buffer = typeof globalThis extends { Buffer: { alloc(size: number): infer B } }
  ? B
  : Uint8Array
