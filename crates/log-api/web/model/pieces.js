// What stands in a log where there are no lines.

/** Lines that nobody has fetched, between two ids. `null` after: from the start of the log. */
export class Hole {
  kind = /** @type {const} */ ("hole");
  order = 0;
  rows = 2;
  shown = 0;

  /** @param {string | null} after @param {string} before */
  constructor(after, before) {
    this.after = after;
    this.before = before;
  }
}

/** Lines that are missing. */
export class Gap {
  kind = /** @type {const} */ ("gap");
  order = 0;
  rows = 2;
  shown = 0;

  /** @param {string} after @param {string | null} first @param {"missing" | "trimmed"} why */
  constructor(after, first, why) {
    this.after = after;
    this.first = first;
    this.why = why;
  }
}
