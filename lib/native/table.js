/** Objects by the numbers of 31 bits under which the core knows them. */
module.exports = class Table {
  constructor() {
    this._next = 0
    this._items = new Map()
  }

  get size() {
    return this._items.size
  }

  /** @returns {number} the number of the item */
  add(item) {
    while (this._items.has(this._next)) this._advance()
    const id = this._next
    this._advance()
    this._items.set(id, item)
    return id
  }

  /**
   * Adds an item and calls `begin` with its number. Removes the item if `begin` throws.
   *
   * @param {object} item
   * @param {(id: number) => void} begin
   */
  begin(item, begin) {
    const id = this.add(item)
    try {
      begin(id)
    } catch (err) {
      this.delete(id)
      throw err
    }
  }

  /** Adds an item under a number that the core has chosen. */
  set(id, item) {
    this._items.set(id, item)
  }

  get(id) {
    return this._items.get(id)
  }

  delete(id) {
    this._items.delete(id)
  }

  /** Removes all items and returns them. */
  clear() {
    const items = [...this._items.values()]
    this._items.clear()
    return items
  }

  _advance() {
    this._next = (this._next + 1) & 0x7fffffff
  }
}
