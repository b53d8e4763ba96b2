// Pages, again and again, where there can be no stream. They tell the same: lines, gaps, the end.

import { BEFORE_ALL, compareIds } from "./ids.js";
import { page, pageFrom, status } from "./pages.js";

/** @typedef {import("./index.js").FollowEvent} FollowEvent */

export class Poller {
  /** @param {import("./index.js").FollowOptions} options @param {string} cursor empty: only what comes from now on */
  constructor(options, cursor) {
    // What is asked for is said for each page.
    this.#options = { ...options, after: undefined };
    this.cursor = cursor;
  }

  /** Whether there are more lines already. */
  hasMore = false;
  #options;
  /** The job had ended when it was looked at last. Its last lines may come a moment later. */
  #hadEnded = false;

  /** What has come since. The cursor moves when an event has been taken.
   * @returns {AsyncGenerator<FollowEvent, void, void>}
   */
  async *next() {
    if (this.cursor === "") this.cursor = await this.#newestId();
    const { terminal, status: word } = await status(this.#options);
    const cursor = this.cursor;
    const found = await pageFrom(this.#options, cursor);
    const lines = found.lines.filter(({ id }) => compareIds(id, cursor) > 0);
    // A time alone is no line.
    const isTime = cursor === BEFORE_ALL || !cursor.includes("-");
    const isKnown = isTime || (found.lines.length > 0 && compareIds(found.lines[0].id, cursor) === 0);
    this.hasMore = found.has_more;
    if (lines.length > 0) {
      if (!isKnown) yield { type: "gap", after: cursor, first: lines[0].id };
      yield { type: "lines", lines };
      this.cursor = lines[lines.length - 1].id;
      return;
    }
    if (!isKnown) yield* this.#lost(cursor);
    if (terminal && this.#hadEnded) yield { type: "done", status: word };
    this.#hadEnded = terminal;
  }

  /** The line of the cursor is gone, and nothing is behind it. Where the log ends before it, or is gone, that is a gap.
   * @param {string} cursor @returns {AsyncGenerator<FollowEvent, void, void>}
   */
  async *#lost(cursor) {
    const newest = await this.#newestId();
    if (compareIds(newest, cursor) >= 0) return;
    yield { type: "gap", after: cursor, first: null };
    this.cursor = newest;
  }

  async #newestId() {
    const { newest_id } = await page({ ...this.#options, limit: 1 });
    return newest_id ?? BEFORE_ALL;
  }
}
