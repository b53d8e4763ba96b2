// From one line that tells of a failure to the next.

import { Block } from "../model/block.js";

/** @typedef {import("../model/log.js").Place} Place */

export class Failures {
  /** @param {import("../model/log.js").Log} log @param {import("./view.js").View} view */
  constructor(log, view) {
    this.#log = log;
    this.#view = view;
  }

  /**
   * The one the reader is at.
   * @type {Place | null}
   */
  current = null;
  #log;
  #view;

  count() {
    return this.#log.pieces.reduce((sum, piece) => sum + (piece instanceof Block ? piece.failureCount : 0), 0);
  }

  /** The next one in a direction, from the current one or from what is seen; from the last to the first.
   * @param {1 | -1} step @returns {Place | null}
   */
  step(step) {
    const from = this.#isSeen(this.current) ? this.current : this.#view.firstPlace;
    const found = from && (this.#search(from, step) ?? this.#search(null, step));
    this.current = found;
    return found;
  }

  /** @param {Place | null} from @param {1 | -1} step @returns {Place | null} */
  #search(from, step) {
    const { pieces } = this.#log;
    const first = from ? from.block.order : step > 0 ? 0 : pieces.length - 1;
    for (let order = first; order >= 0 && order < pieces.length; order += step) {
      const block = pieces[order];
      if (!(block instanceof Block)) continue;
      const inOrder = step > 0 ? block.failures : block.failures.reverse();
      const isBeyond = (/** @type {number} */ index) => from?.block !== block || (index - from.index) * step > 0;
      const index = inOrder.find(isBeyond);
      if (index !== undefined) return { block, index };
    }
    return null;
  }

  /** @param {Place | null} place */
  #isSeen(place) {
    if (!place || this.#log.pieces[place.block.order] !== place.block) return false;
    const [first, last] = [this.#view.firstPlace, this.#view.lastPlace];
    if (!first || !last) return false;
    const row = this.#log.rowOf(place.block, place.index);
    return row >= this.#log.rowOf(first.block, first.index) && row <= this.#log.rowOf(last.block, last.index);
  }
}
