/**
 * An event emitter of Node.js or Bare; `Events` has the arguments of each event. It names no type
 * of either runtime, and suits both.
 */
export interface Emitter<Events> {
  on<E extends keyof Events>(event: E, listener: Listener<Events[E]>): this
  once<E extends keyof Events>(event: E, listener: Listener<Events[E]>): this
  off<E extends keyof Events>(event: E, listener: Listener<Events[E]>): this
  addListener<E extends keyof Events>(event: E, listener: Listener<Events[E]>): this
  prependListener<E extends keyof Events>(event: E, listener: Listener<Events[E]>): this
  prependOnceListener<E extends keyof Events>(event: E, listener: Listener<Events[E]>): this
  removeListener<E extends keyof Events>(event: E, listener: Listener<Events[E]>): this
  removeAllListeners(event?: keyof Events): this
  emit<E extends keyof Events>(event: E, ...args: Arguments<Events[E]>): boolean
  eventNames(): Array<string | symbol>
  listenerCount(event: keyof Events): number
  listeners(event: keyof Events): Array<(...args: any[]) => void>
  rawListeners(event: keyof Events): Array<(...args: any[]) => void>
  getMaxListeners(): number
  setMaxListeners(n: number): this
}

type Listener<A> = (...args: Arguments<A>) => void
type Arguments<A> = A extends any[] ? A : never

/** An error of this package, or of the system. */
export interface CodedError extends Error {
  code?: string
}
