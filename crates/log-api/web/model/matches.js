// What a search has found: the ids of lines, in the order of the log, and which of them the reader is at.

import { compareIds } from "../client/ids.js";
import { LINE_CUT } from "./block.js";

/** More are not shown one by one. */
export const MOST_MATCHES = 10_000;

export class Matches {
  /** @type {string[]} */
  ids = [];
  /** -1: at none. */
  at = -1;
  /** @type {"searching" | "done" | "limited" | "failed"} */
  state = "searching";
  /**
   * Where the server has found something in a line, and how long the line is.
   * @type {Map<string, {length: number, spans: import("../client/index.js").Span[]}>}
   */
  #places = new Map();

  /** @param {string} id */
  add(id) {
    const last = this.ids[this.ids.length - 1];
    if (last === undefined || compareIds(last, id) < 0) {
      this.ids.push(id);
      return;
    }
    const place = this.#place(id);
    if (this.ids[place] === id) return;
    this.ids.splice(place, 0, id);
    if (this.at >= place) this.at += 1;
  }

  /** @param {{id: string, text: string, spans: import("../client/index.js").Span[]}} match by the server */
  addFound({ id, text, spans }) {
    this.add(id);
    this.#places.set(id, { length: text.length, spans });
  }

  /** Where something was found in a line; `null` if nothing was. Empty if nobody can say where.
   * @param {string} id @param {string} text what the page shows of it
   */
  spansOf(id, text) {
    const found = this.#places.get(id);
    if (!found) return null;
    // The server may see another text, where a line has carriage returns. Of a long line the page shows the head.
    return found.length === text.length || text.length >= LINE_CUT - 1 ? found.spans : [];
  }

  get current() {
    return this.ids[this.at] ?? null;
  }

  /** The next one in a direction; from the last to the first.
   * @param {1 | -1} step
   */
  step(step) {
    const count = this.ids.length;
    if (count === 0) return null;
    this.at = this.at < 0 ? (step > 0 ? 0 : count - 1) : (this.at + step + count) % count;
    return this.current;
  }

  /** Goes to the first one at or after a line, or to the last one.
   * @param {string} id
   */
  goNear(id) {
    this.at = Math.min(this.#place(id), this.ids.length - 1);
    return this.current;
  }

  /** `7 of 132, still searching` */
  get words() {
    const count = this.ids.length;
    const of = count >= MOST_MATCHES ? `${count.toLocaleString("en")}+` : count.toLocaleString("en");
    const what = count === 0 ? "No match" : `${this.at < 0 ? "–" : (this.at + 1).toLocaleString("en")} of ${of}`;
    if (this.state === "searching") return count === 0 ? "Searching…" : `${what}, still searching`;
    return this.state === "failed" && count > 0 ? `${what}, and maybe more` : what;
  }

  /** @param {string} id */
  #place(id) {
    let [low, high] = [0, this.ids.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareIds(this.ids[middle], id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
