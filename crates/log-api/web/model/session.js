// What fills a log: where it opens, the stream at its end, the pages that are fetched when somebody wants to see them.
//
// It knows no DOM. The view keeps its place around every change, through `change`.

import { BEFORE_ALL, idAfter, idBefore, compareIds } from "../client/ids.js";
import { ApiError, follow, page, search, status } from "../client/index.js";
import { PAGE_LINES } from "../client/pages.js";
import { Backoff } from "../client/backoff.js";
import { FAILURE_HINT, isFailure } from "../text/failure.js";
import { Block } from "./block.js";
import { Hole } from "./pieces.js";

/** @typedef {import("../client/index.js").Options} Options */
/** @typedef {import("./log.js").Place} Place */

/** Earlier lines are fetched by themselves up to so many; more when somebody goes there. */
const FILL_LINES = 100_000;
/** Between two pages that nobody waits for. */
const FILL_PAUSE_MS = 30;
/** How much text stays in memory, whatever the log. */
export const MEMORY = 48 * 1024 * 1024;
/** How many new lines may come before it is looked at. */
const MEMORY_LINES = 10_000;
/** How often the status of a job is asked for: while nothing comes, and while lines come. */
const STATUS_MS = 4000;
const STATUS_LIVE_MS = 30_000;
/** How many lines that may tell of a failure are looked at, in one search and at most. */
const FAILURE_LIMIT = 200;
const FAILURE_TURNS = 20;
/** Before a line that a link leads to. */
const AROUND_LINES = 100;

/**
 * @typedef {object} SessionListener
 * @property {<T>(change: () => T) => T} change runs a change of the log that must not move what is seen
 * @property {(lines: number) => void} appended
 * @property {() => void} facts something that the head shows has changed
 * @property {(gap: {after: string, first: string | null}) => void} gap
 * @property {() => number} place the piece that is in the window
 * @property {() => boolean} visible
 */

export class Session {
  /** @param {import("./log.js").Log} log @param {Options} options @param {SessionListener} listener */
  constructor(log, options, listener) {
    this.log = log;
    this.#listener = listener;
    this.options = { ...options, signal: this.#closing.signal };
  }

  /** @type {import("./state.js").Facts} */
  facts = {
    jobStatus: null, createdAt: NaN, endedAt: NaN, connection: null, interrupted: false, done: null, refusal: null, lines: 0, lastLineAt: NaN, message: "",
  };
  /** Fetches everything, however much it is. */
  fillAll = false;
  #listener;
  #closing = new AbortController();
  /** @type {import("../client/index.js").Following | null} */
  #following = null;
  #sinceUnload = 0;
  /** @type {Map<Block, Promise<void>>} */
  #reloading = new Map();
  #isFilling = false;

  close() {
    this.#closing.abort();
    this.#following?.close();
  }

  get isClosed() {
    return this.#closing.signal.aborted;
  }

  retryNow() {
    this.#following?.retryNow();
    this.#endPause?.();
  }

  /** @type {(() => void) | null} */
  #endPause = null;

  /** Loads the end of the log. Returns `false` if that was refused. */
  async open() {
    const backoff = new Backoff();
    while (!this.isClosed) {
      try {
        const [newest] = await Promise.all([page(this.options), this.refreshStatus()]);
        this.facts.refusal = null;
        this.facts.connection = { state: "connecting" };
        this.#takeNewest(newest);
        return true;
      } catch (error) {
        if (this.isClosed) return false;
        if (error instanceof ApiError && !error.isRetryable) {
          this.#refuse(error);
          return false;
        }
        await this.#waitToRetry(error, backoff);
      }
    }
    return false;
  }

  /** Follows the end of the log until it has ended. */
  async follow() {
    const last = this.log.hole === undefined ? BEFORE_ALL : this.log.lastId;
    this.#following = follow({ ...this.options, after: last || BEFORE_ALL });
    const watching = new AbortController();
    this.#closing.signal.addEventListener("abort", () => watching.abort());
    void this.#watchStatus(watching.signal);
    try {
      for await (const event of this.#following) this.#take(event);
      if (!this.isClosed) await this.refreshStatus();
    } catch (error) {
      if (this.isClosed) return;
      if (!(error instanceof ApiError)) throw error;
      this.#refuse(error);
    } finally {
      watching.abort();
    }
  }

  /** The status of the job. A service without that route has none to show. */
  async refreshStatus() {
    try {
      const job = await status(this.options);
      this.facts.jobStatus = job.status;
      this.facts.createdAt = Date.parse(job.created_at ?? "");
      this.facts.message = job.status_message ?? "";
      if (job.terminal) this.facts.endedAt = Date.parse(job.updated_at ?? "");
    } catch {
      // The page or the stream will say what is wrong.
    }
    this.#listener.facts();
  }

  /** Whether the job has ended with a failure, as far as is known. */
  get hasFailed() {
    return (this.facts.done ?? this.facts.jobStatus) === "failed";
  }

  /** Where the first failure is. It asks the server where the log is not known whole.
   * @returns {Promise<Place | null>}
   */
  async firstFailure() {
    const far = this.log.hole ? await this.#firstFailureFar() : null;
    if (far) return this.locate(far);
    for (const piece of this.log.pieces) {
      if (piece instanceof Block && piece.failures.length > 0) return { block: piece, index: piece.failures[0] };
    }
    return null;
  }

  /**
   * The id of the first failure, as the server finds it: it finds what may be one, and what is one is decided here.
   * @returns {Promise<string | null>}
   */
  async #firstFailureFar() {
    /** @type {string | undefined} */
    let after;
    try {
      for (let turn = 0; turn < FAILURE_TURNS; turn += 1) {
        const found = search({ ...this.options, text: FAILURE_HINT, regex: true, matchCase: true, after, limit: FAILURE_LIMIT });
        let reason = "end";
        for await (const event of found) {
          if ("match" in event && isFailure(event.match.text)) return event.match.id;
          if ("end" in event) [reason, after] = [event.end.reason, event.end.scanned_to];
        }
        if (reason === "end") return null;
      }
    } catch (error) {
      // The server cannot search now: the lines that are here have to do.
      if (!(error instanceof ApiError)) throw error;
    }
    return null;
  }

  /** The place of a line, or of the next one that is still there. It fetches what it needs.
   * @param {string} id @returns {Promise<Place | null>}
   */
  async locate(id) {
    for (let turn = 0; turn < 3; turn += 1) {
      const found = this.log.find(id);
      if (!found) return null;
      if ("hole" in found) {
        await this.#fetchAround(found.hole, id);
        continue;
      }
      const { block } = found.place;
      if (block.isLoaded) return found.place;
      await this.reload(block);
    }
    return null;
  }

  /** Fetches the texts of a block again. Whoever asks meanwhile waits for the same.
   * @param {Block} block @returns {Promise<void>}
   */
  reload(block) {
    if (block.isLoaded) return Promise.resolve();
    const running = this.#reloading.get(block) ?? this.#reload(block);
    this.#reloading.set(block, running);
    return running;
  }

  /** @param {Block} block */
  async #reload(block) {
    try {
      /** @type {import("../client/index.js").Line[]} */
      const lines = [];
      let after = idBefore(block.firstId);
      const before = idAfter(block.lastId);
      while (lines.length < block.count) {
        const next = await page({ ...this.options, after, before, limit: Math.min(PAGE_LINES, block.count - lines.length) });
        lines.push(...next.lines);
        if (next.newest_id === null || !next.has_more) break;
        after = next.newest_id;
      }
      this.#listener.change(() => this.log.reload(block, lines));
      this.#freeMemory(true);
    } catch (error) {
      this.#oddFailure(error);
    } finally {
      this.#reloading.delete(block);
    }
  }

  /** Fetches a page from one side of a hole.
   * @param {Hole} hole @param {"after" | "before"} side
   */
  async fetchHole(hole, side) {
    if (hole.isLoading || this.log.pieces[hole.order] !== hole) return;
    hole.isLoading = true;
    try {
      const bound = side === "after" && hole.after !== null ? { after: hole.after } : { before: hole.before };
      const { lines, has_more } = await page({ ...this.options, ...bound });
      const unknown = "after" in bound ? { above: false, below: has_more } : { above: has_more, below: false };
      if (this.log.pieces[hole.order] === hole) this.#listener.change(() => this.log.fill(hole, lines, unknown));
      this.#freeMemory(true);
      if (hole.after === null && !has_more) void this.#lookForTrim();
    } catch (error) {
      this.#oddFailure(error);
      await sleep(2000);
    } finally {
      hole.isLoading = false;
    }
  }

  /** Fetches earlier lines while nobody waits for anything. */
  async fill() {
    if (this.#isFilling) return;
    this.#isFilling = true;
    while (!this.isClosed) {
      const holes = this.log.pieces.filter((piece) => piece instanceof Hole);
      const hole = /** @type {Hole | undefined} */ (holes[holes.length - 1]);
      if (!hole || (!this.fillAll && this.log.lines >= FILL_LINES)) break;
      if (this.#listener.visible() || this.fillAll) await this.fetchHole(hole, "before");
      await sleep(this.fillAll ? 0 : FILL_PAUSE_MS);
    }
    this.#isFilling = false;
  }

  /** Whether lines are missing before the first one that is kept: the stream tells it of a whole log. */
  async #lookForTrim() {
    try {
      for await (const event of follow({ ...this.options, after: BEFORE_ALL })) {
        if (event.type === "gap") this.#listener.change(() => this.log.addGap(event.after, event.first));
        if (event.type !== "state" && event.type !== "heartbeat") return;
      }
    } catch (error) {
      this.#oddFailure(error);
    }
  }

  /** @param {import("../client/index.js").Page} newest */
  #takeNewest({ lines, has_more }) {
    this.log.append(lines);
    if (has_more) this.log.addHoleBefore();
    this.#appended(lines.length);
  }

  /** Fetches lines around an id that is in a hole.
   * @param {Hole} hole @param {string} id
   */
  async #fetchAround(hole, id) {
    const [older, newer] = await Promise.all([
      page({ ...this.options, before: id, limit: AROUND_LINES }),
      page({ ...this.options, after: idBefore(id), before: hole.before }),
    ]);
    const lines = [...older.lines, ...newer.lines];
    // A page may have come meanwhile, and have left less of the hole, or none.
    const now = this.log.find(id);
    if (now && "hole" in now) this.#listener.change(() => this.log.fill(now.hole, lines, { above: older.has_more, below: newer.has_more }));
  }

  /** @param {import("../client/index.js").FollowEvent} event */
  #take(event) {
    switch (event.type) {
      case "lines":
        this.facts.connection = this.#liveState();
        this.#appended(this.log.append(event.lines));
        break;
      case "gap":
        this.#listener.change(() => this.log.addGap(event.after, event.first));
        this.#listener.gap(event);
        break;
      case "heartbeat":
        this.facts.connection = this.#liveState();
        this.#listener.facts();
        break;
      case "state":
        this.facts.connection = event;
        this.facts.interrupted ||= event.state === "waiting" || event.state === "offline";
        this.#listener.facts();
        break;
      case "done":
        this.facts.done = event.status;
        this.facts.connection = null;
        this.#listener.facts();
        break;
    }
  }

  /** @returns {import("../client/index.js").State} */
  #liveState() {
    return this.facts.connection?.state === "polling" ? this.facts.connection : { state: "live" };
  }

  /** @param {number} count */
  #appended(count) {
    this.facts.lines = this.log.lines;
    if (count > 0) this.facts.lastLineAt = Date.now();
    this.#sinceUnload += count;
    this.#freeMemory(false);
    this.#listener.appended(count);
  }

  /** @param {boolean} now */
  #freeMemory(now) {
    if (!now && this.#sinceUnload < MEMORY_LINES) return;
    this.#sinceUnload = 0;
    this.log.unload(MEMORY, this.#listener.place());
  }

  /** @param {AbortSignal} signal */
  async #watchStatus(signal) {
    while (!signal.aborted) {
      await sleep(this.log.lines === 0 ? STATUS_MS : STATUS_LIVE_MS, signal);
      if (!signal.aborted && this.#listener.visible()) await this.refreshStatus();
    }
  }

  /** @param {ApiError} error */
  #refuse(error) {
    this.facts.refusal = error;
    this.facts.connection = null;
    this.#listener.facts();
  }

  /** @param {unknown} error @param {Backoff} backoff */
  async #waitToRetry(error, backoff) {
    const refused = error instanceof ApiError ? error : null;
    const pause = backoff.next(refused?.retryAfterMs);
    /** @type {import("../client/index.js").Cause} */
    const cause = refused === null ? "network" : refused.status === 429 ? "limited" : "unavailable";
    const isOffline = typeof navigator !== "undefined" && navigator.onLine === false;
    this.facts.connection = isOffline
      ? { state: "offline" }
      : { state: "waiting", retryAt: Date.now() + pause, cause, detail: error instanceof Error ? error.message : "" };
    this.#listener.facts();
    await Promise.race([sleep(Math.max(pause, isOffline ? 1000 : 0)), new Promise((resolve) => (this.#endPause = () => resolve(null)))]);
  }

  /** A page that could not be fetched is tried again when it is in the window again. A refusal is the end.
   * @param {unknown} error
   */
  #oddFailure(error) {
    if (this.isClosed) return;
    if (error instanceof ApiError && [401, 403, 404].includes(error.status)) this.#refuse(error);
  }
}

/** Whether an id is within the lines of a log that are kept.
 * @param {import("./log.js").Log} log @param {string} id
 */
export function isKnownGone(log, id) {
  const found = log.find(id);
  if (found && "hole" in found) return false;
  return !found || !found.exact || compareIds(found.place.block.id(found.place.index), id) !== 0;
}

/** @param {number} ms @param {AbortSignal} [signal] ends it early @returns {Promise<void>} */
function sleep(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
