// Fetches what a log does not have: earlier lines, what is around a line that a link leads to, texts that were given up.
//
// Every answer may come late: the log is looked at again before it is changed. What could not be fetched is asked for again
// after a pause, while it is in the window.

import { BEFORE_ALL, idAfter, idBefore } from "../client/ids.js";
import { ApiError, firstGap, page } from "../client/index.js";
import { PAGE_LINES, pageFrom } from "../client/pages.js";
import { sleep } from "../client/sleep.js";
import { Hole } from "./pieces.js";

/** @typedef {import("./log.js").Place} Place */
/** @typedef {import("./log.js").Piece} Piece */
/** @typedef {import("./block.js").Block} Block */

/** Earlier lines are fetched by themselves up to so many; more when somebody goes there. */
const FILL_LINES = 100_000;
/** Between two pages that nobody waits for. */
const FILL_PAUSE_MS = 30;
/** How much text stays in memory, whatever the log. */
export const MEMORY = 48 * 1024 * 1024;
/** After a page that could not be fetched. */
const REST_MS = 2000;
/** Before a line that a link leads to. */
const AROUND_LINES = 100;
/** A hole may be divided by pages that come meanwhile, and a block may lose its texts again. */
const TURNS = 5;

/**
 * @typedef {object} FetchListener
 * @property {<T>(change: () => T) => T} change runs a change of the log that must not move what is seen
 * @property {(error: ApiError) => void} refused nothing more can be fetched
 * @property {() => number} place the piece that is in the window
 * @property {() => boolean} visible
 */

export class Fetcher {
  /** @param {import("./log.js").Log} log @param {import("../client/index.js").Options} options @param {FetchListener} listener */
  constructor(log, options, listener) {
    this.#log = log;
    this.#options = options;
    this.#listener = listener;
  }

  /** Fetches everything, however much it is. */
  fillAll = false;
  #log;
  #options;
  #listener;
  /** The server has refused: nothing more is asked for. */
  isRefused = false;
  #hasLookedForTrim = false;
  /**
   * What is being fetched for the window, or rests after it could not be fetched.
   * @type {Set<Piece>}
   */
  #busy = new Set();
  /** @type {Map<Block, Promise<void>>} */
  #loading = new Map();
  /** @type {Promise<void> | null} */
  #filling = null;

  get #isOver() {
    return this.isRefused || this.#options.signal?.aborted === true;
  }

  /** The place of a line, or of the next one that is still there. It fetches what it needs.
   * @param {string} id @returns {Promise<Place | null>} `null`: there is no such line, and none after it
   */
  async locate(id) {
    for (let turn = 0; turn < TURNS; turn += 1) {
      const found = this.#log.find(id);
      if (!found) return null;
      if ("hole" in found) {
        await this.#fetchAround(found.hole, id);
        continue;
      }
      const { block } = found.place;
      if (block.isLoaded) return found.place;
      await this.load(block);
    }
    throw new Error("The log changes too fast");
  }

  /** Fetches the texts of a block again. Whoever asks meanwhile waits for the same.
   *
   * They stay at least until the next {@link freeMemory}, however far they are from the window.
   * @param {Block} block @returns {Promise<void>}
   */
  load(block) {
    if (block.isLoaded) return Promise.resolve();
    let loading = this.#loading.get(block);
    if (!loading) {
      loading = this.#load(block).finally(() => this.#loading.delete(block));
      this.#loading.set(block, loading);
    }
    return loading;
  }

  /** The texts of a block in the window.
   * @param {Block} block
   */
  async reload(block) {
    await this.#forWindow(block, () => this.load(block));
  }

  /** A page from one side of a hole in the window.
   * @param {Hole} hole @param {"after" | "before"} side
   */
  async fetchHole(hole, side) {
    await this.#forWindow(hole, () => this.fetchPage(hole, side));
  }

  /** A page from one side of a hole.
   * @param {Hole} hole @param {"after" | "before"} side
   */
  async fetchPage(hole, side) {
    const { after, before } = hole;
    const isAfter = side === "after" && after !== null;
    const bounds = { ...this.#options, before };
    const { lines, has_more } = await (isAfter ? pageFrom(bounds, after) : page(bounds));
    const unknown = isAfter ? { above: false, below: has_more } : { above: has_more, below: false };
    await this.#take(() => (this.#has(hole) ? hole : null), lines, unknown);
  }

  /** Fetches earlier lines while nobody waits for anything. */
  fill() {
    this.#filling ??= this.#fill().finally(() => (this.#filling = null));
    return this.#filling;
  }

  /** Whether lines are missing before the first one that is kept, where no stream from the start tells it. */
  async lookForTrim() {
    if (this.#hasLookedForTrim) return;
    this.#hasLookedForTrim = true;
    try {
      const gap = await this.#gapAtStart();
      if (gap && !this.#isOver) this.#listener.change(() => this.#log.addGap(BEFORE_ALL, gap.first));
    } catch {
      this.#log.startIsUnknown = true;
    }
  }

  /** Gives up texts that are far from the window. */
  freeMemory() {
    this.#log.unload(MEMORY, this.#listener.place());
  }

  async #fill() {
    while (!this.#isOver) {
      const holes = /** @type {Hole[]} */ (this.#log.pieces.filter((piece) => piece instanceof Hole));
      const hole = holes[holes.length - 1];
      if (!hole || (!this.fillAll && this.#log.lines >= FILL_LINES)) return;
      const isIdle = !this.#busy.has(hole) && (this.fillAll || this.#listener.visible());
      if (isIdle) await this.fetchHole(hole, "before");
      await sleep(isIdle && this.fillAll ? 0 : FILL_PAUSE_MS, this.#options.signal);
    }
  }

  /** Fetches something for the window, once. After a failure it rests, and then the window asks again.
   * @param {Piece} piece @param {() => Promise<void>} fetch
   */
  async #forWindow(piece, fetch) {
    if (this.#busy.has(piece) || this.#isOver) return;
    this.#busy.add(piece);
    try {
      await fetch();
      this.freeMemory();
    } catch (error) {
      if (!this.#isOver) await this.#rest(error);
    } finally {
      this.#busy.delete(piece);
    }
  }

  /** @param {unknown} error */
  async #rest(error) {
    if (error instanceof ApiError && [401, 403, 404].includes(error.status)) {
      this.#listener.refused(error);
      return;
    }
    const asked = error instanceof ApiError ? error.retryAfterMs : 0;
    await sleep(Math.max(REST_MS, asked), this.#options.signal);
    // Nothing has changed, and what is in the window is asked for again.
    setTimeout(() => !this.#isOver && this.#listener.change(() => {}));
  }

  /** @param {Block} block */
  async #load(block) {
    /** @type {import("../client/index.js").Line[]} */
    const lines = [];
    let after = idBefore(block.firstId);
    const before = idAfter(block.lastId);
    while (lines.length < block.count) {
      const next = await page({ ...this.#options, after, before, limit: Math.min(PAGE_LINES, block.count - lines.length) });
      lines.push(...next.lines);
      if (next.newest_id === null || !next.has_more) break;
      after = next.newest_id;
    }
    if (this.#has(block)) this.#listener.change(() => this.#log.reload(block, lines));
  }

  /** Fetches lines around an id that is in a hole.
   * @param {Hole} hole @param {string} id
   */
  async #fetchAround(hole, id) {
    const [older, newer] = await Promise.all([
      page({ ...this.#options, before: id, limit: AROUND_LINES }),
      page({ ...this.#options, after: idBefore(id), before: hole.before }),
    ]);
    const unknown = { above: older.has_more, below: newer.has_more };
    // A page may have come meanwhile, and have left less of the hole, or none.
    const find = () => {
      const now = this.#log.find(id);
      return now && "hole" in now ? now.hole : null;
    };
    await this.#take(find, [...older.lines, ...newer.lines], unknown);
  }

  /** Puts lines into a hole that is still there. At the start of the log it looks first whether lines were trimmed: what
   * is shown has no number that would be wrong.
   * @param {() => Hole | null} find @param {import("../client/index.js").Line[]} lines @param {{above: boolean, below: boolean}} unknown
   */
  async #take(find, lines, unknown) {
    const isStart = find()?.after === null && !unknown.above;
    const gap = isStart ? await this.#gapAtStart() : null;
    const hole = find();
    if (!hole) return;
    this.#listener.change(() => {
      this.#log.fill(hole, lines, unknown);
      if (gap) this.#log.addGap(BEFORE_ALL, gap.first);
    });
  }

  async #gapAtStart() {
    const gap = await firstGap(this.#options);
    if (gap === undefined) this.#log.startIsUnknown = true;
    return gap;
  }

  /** @param {Piece} piece */
  #has(piece) {
    return this.#log.pieces[piece.order] === piece;
  }
}
