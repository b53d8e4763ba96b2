// How long to wait before the next try: a random part of a bound that doubles, so that many clients do not come back
// together. It never gives up: a server that was away for an hour must not leave a page deaf.

const FIRST_MS = 250;
const LAST_MS = 30_000;

export class Backoff {
  #tries = 0;
  #random;

  /** @param {() => number} [random] */
  constructor(random = Math.random) {
    this.#random = random;
  }

  /**
   * The next pause.
   * @param {number} atLeastMs what the server asked for
   */
  next(atLeastMs = 0) {
    const bound = Math.min(FIRST_MS * 2 ** this.#tries, LAST_MS);
    this.#tries += 1;
    return Math.max(atLeastMs, Math.round(this.#random() * bound));
  }

  /** The connection was healthy. */
  reset() {
    this.#tries = 0;
  }
}
