// What fills a log: where it opens, the stream at its end, the pages that are fetched when somebody wants to see them.
//
// It knows no DOM. The view keeps its place around every change, through `change`.

import { Backoff } from "../client/backoff.js";
import { asEnded } from "../client/ended.js";
import { BEFORE_ALL, compareIds, idTime } from "../client/ids.js";
import { ApiError, follow, page, status } from "../client/index.js";
import { sleep } from "../client/sleep.js";
import { isOffline } from "../client/surroundings.js";
import { Block } from "./block.js";
import { Fetcher } from "./fetcher.js";
import { findFailure } from "./first-failure.js";

/** @typedef {import("../client/index.js").Options} Options */
/** @typedef {import("./log.js").Place} Place */

/** How many new lines may come before it is looked at how much memory they take. */
const MEMORY_LINES = 2000;
/** How often the status of a job is asked for: while nothing comes, and while lines come. */
const STATUS_MS = 4000;
const STATUS_LIVE_MS = 30_000;
/** How often it is tried whether there is a network again. */
const OFFLINE_MS = 1000;
/** How often the status of a job that has ended is asked for, until it says when that was. */
const END_TRIES = 5;

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
    this.fetcher = new Fetcher(log, this.options, { ...listener, refused: (error) => this.#refuse(error) });
  }

  /** @type {import("./state.js").Facts} */
  facts = {
    jobStatus: null, createdAt: NaN, endedAt: NaN, connection: null, interrupted: false, done: null, refusal: null, lines: 0, lastLineAt: NaN, message: "",
  };
  #listener;
  #closing = new AbortController();
  /** @type {import("../client/index.js").Following | null} */
  #following = null;
  #sinceUnload = 0;

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
    const newest = await this.#fetchNewest();
    if (!newest || this.isClosed) return false;
    this.facts.refusal = null;
    this.facts.connection = { state: "connecting" };
    this.#takeNewest(newest);
    return true;
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
    } catch (error) {
      this.fail(error);
    } finally {
      watching.abort();
    }
    await this.#findEnd();
  }

  /** Nothing more can be shown: the server refuses, or this page has a fault.
   * @param {unknown} error
   */
  fail(error) {
    if (this.isClosed) return;
    if (error instanceof ApiError) {
      this.#refuse(error);
      return;
    }
    console.error(error);
    this.#refuse(new ApiError(0, "page-fault", `This page has a fault (${error instanceof Error ? error.message : error})`));
  }

  /** The status of the job. A service without that route has none to show. Returns whether it says that the job has ended. */
  async refreshStatus() {
    let hasEnded = false;
    try {
      const job = await status(this.options);
      hasEnded = job.terminal;
      this.facts.jobStatus = job.status;
      this.facts.createdAt = Date.parse(job.created_at ?? "");
      this.facts.message = job.status_message ?? "";
      if (job.terminal) this.facts.endedAt = Date.parse(job.updated_at ?? "");
    } catch {
      // The page or the stream will say what is wrong.
    }
    this.#listener.facts();
    return hasEnded;
  }

  /** When a job has ended, the status says a moment later how long it took. */
  async #findEnd() {
    for (let turn = 0; turn < END_TRIES && this.facts.done !== null && !this.isClosed; turn += 1) {
      if (turn > 0) await sleep(STATUS_MS, this.options.signal);
      if (await this.refreshStatus()) return;
    }
  }

  /** Whether the job has ended with a failure, as far as is known. */
  get hasFailed() {
    return (this.facts.done ?? this.facts.jobStatus) === "failed";
  }

  /** Where the first failure is. It asks the server where the log is not known whole.
   * @returns {Promise<Place | null>}
   */
  async firstFailure() {
    const far = this.log.hole ? await findFailure(this.options) : null;
    if (far) return this.fetcher.locate(far);
    for (const piece of this.log.pieces) {
      if (piece instanceof Block && piece.failureCount > 0) return { block: piece, index: piece.failures[0] };
    }
    return null;
  }

  /** The newest page, however long that takes; `null` if it is refused. */
  async #fetchNewest() {
    const backoff = new Backoff();
    while (!this.isClosed) {
      try {
        const [newest] = await Promise.all([page(this.options), this.refreshStatus()]);
        return newest;
      } catch (error) {
        if (this.isClosed) break;
        if (error instanceof ApiError && !error.isRetryable) {
          this.#refuse(error);
          break;
        }
        await this.#waitToRetry(asEnded(error), backoff);
      }
    }
    return null;
  }

  /** @param {import("../client/index.js").Page} newest */
  #takeNewest({ lines, has_more }) {
    this.log.append(lines);
    if (has_more) this.log.addHoleBefore();
    this.#appended(lines.length);
    // Nobody knows what was before this page was opened, but the last line says when it came.
    const cameAt = idTime(this.log.lastId);
    if (cameAt < Date.now()) this.facts.lastLineAt = cameAt;
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
        // A stream from the start tells whether lines are missing there. Pages do not.
        if (event.state === "polling" && this.log.lines > 0 && !this.log.hole) void this.fetcher.lookForTrim();
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
    if (this.#sinceUnload >= MEMORY_LINES) {
      this.#sinceUnload = 0;
      this.fetcher.freeMemory();
    }
    this.#listener.appended(count);
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
    // What comes from now on is not the reader's, or could not be shown.
    this.#following?.close();
    this.fetcher.isRefused = true;
    this.#listener.facts();
  }

  /** @param {import("../client/ended.js").Ended} ended @param {Backoff} backoff */
  async #waitToRetry({ endCause, message, retryAfterMs }, backoff) {
    const away = isOffline();
    const pause = Math.max(backoff.next(retryAfterMs), away ? OFFLINE_MS : 0);
    this.facts.connection = away ? { state: "offline" } : { state: "waiting", retryAt: Date.now() + pause, cause: endCause, detail: message };
    this.#listener.facts();
    const waking = new AbortController();
    const wake = () => waking.abort();
    this.#endPause = wake;
    this.#closing.signal.addEventListener("abort", wake);
    await sleep(pause, waking.signal);
    this.#closing.signal.removeEventListener("abort", wake);
    this.#endPause = null;
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
