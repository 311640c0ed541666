/** The smallest buffer to collect pieces in, in bytes. */
const SMALLEST = 1024

/**
 * Bytes of an unfinished frame, held until the rest arrives. The first piece is kept as it is; from
 * the second on they are copied into a buffer that doubles, so a frame in n pieces costs O(n).
 */
export class HeldBytes {
  #buffer: Buffer | null = null
  #length = 0

  /** Bytes held. */
  get length(): number {
    return this.#length
  }

  /** Adds a piece. It MUST NOT be changed while it is held. */
  add(piece: Buffer): void {
    if (this.#buffer === null) {
      this.#buffer = piece
    } else {
      this.#grow(this.#length + piece.length)
      piece.copy(this.#buffer, this.#length)
    }
    this.#length += piece.length
  }

  #grow(needed: number): void {
    const old = this.#buffer as Buffer
    // The first piece belongs to someone else: it is exactly full, so it is never written to.
    if (needed <= old.length) return
    this.#buffer = Buffer.allocUnsafe(Math.max(SMALLEST, needed * 2))
    old.copy(this.#buffer, 0, 0, this.#length)
  }

  /** Everything held, and forgets it: the buffer is given away and not used again. */
  take(): Buffer {
    const taken = this.#buffer?.subarray(0, this.#length) ?? Buffer.alloc(0)
    this.#buffer = null
    this.#length = 0
    return taken
  }
}
