// Follows a log: one connection after another, each after the last line that was taken.
//
// `done` is the only end. Everything else (a body that ends, an error, silence) is a reason to come back with the cursor.
// Only a refusal that repeating does not change is thrown.

import { Backoff } from "./backoff.js";
import { Ended, asEnded } from "./ended.js";
import { BEFORE_ALL, compareIds } from "./ids.js";
import { FIRST_BYTE_MS, status } from "./pages.js";
import { Poller } from "./poll.js";
import { ApiError, request } from "./request.js";
import { takeSlot } from "./slots.js";
import { SseParser } from "./sse.js";
import { isOffline, watchSurroundings } from "./surroundings.js";

/** @typedef {import("./index.js").FollowOptions} FollowOptions */
/** @typedef {import("./index.js").FollowEvent} FollowEvent */
/** @typedef {import("./index.js").Cause} Cause */

/** Twice what the server promises. */
const SILENCE_MS = 50_000;
/** After this long a connection was healthy. */
const HEALTHY_MS = 10_000;
/** A connection that was silent for longer may be dead when the page is seen again. */
const STALE_MS = 25_000;
const POLL_MS = 2000;
/** How often a stream is tried again where only pages get through. */
const PROBE_MS = 300_000;
/** How often a tab that got no slot asks again. */
const SLOT_MS = 5000;
/** Mute connections in a row after which pages are read instead. */
const MUTE_LIMIT = 2;
/** Parsing may hold the page for this long at a time. */
const TURN_MS = 8;

/** @param {FollowOptions} options @returns {import("./index.js").Following} */
export function follow(options) {
  return new Follower(options);
}

class Follower {
  /** @param {FollowOptions} options */
  constructor(options) {
    this.#options = options;
    this.cursor = options.after === undefined || options.after === "start" ? BEFORE_ALL : options.after;
    if (this.cursor === "end") this.cursor = "";
    this.#backoff = new Backoff(options.random);
  }

  duplicates = 0;
  #options;
  #backoff;
  #closed = false;
  /** The page is in the back/forward cache. */
  #away = false;
  #mutes = 0;
  #lastByte = 0;
  /** What the server asked for by `retry:`. */
  #retryMs = 0;
  /**
   * Of the present connection only: one that has ended can stop nothing.
   * @type {AbortController | null}
   */
  #attempt = null;
  /**
   * Ends the present pause.
   * @type {(() => void) | null}
   */
  #endPause = null;

  close() {
    this.#closed = true;
    this.#stopWaiting();
  }

  /** Connects now, without the rest of the pause. */
  retryNow() {
    this.#backoff.reset();
    this.#endPause?.();
  }

  /** @returns {AsyncGenerator<FollowEvent, void, void>} */
  async *[Symbol.asyncIterator]() {
    const unwatch = watchSurroundings({
      wake: () => this.#wake(),
      online: () => this.retryNow(),
      offline: () => this.#attempt?.abort(),
      leave: () => {
        this.#away = true;
        this.#attempt?.abort();
      },
      enter: () => {
        this.#away = false;
        this.retryNow();
      },
    });
    const { signal } = this.#options;
    const close = () => this.close();
    signal?.addEventListener("abort", close);
    if (signal?.aborted) this.close();
    try {
      while (!this.#closed) {
        const event = yield* this.#turn();
        if (event) return;
      }
    } finally {
      signal?.removeEventListener("abort", close);
      unwatch();
      this.close();
    }
  }

  /**
   * One connection and the pause after it. Returns whether the log has ended.
   * @returns {AsyncGenerator<FollowEvent, boolean, void>}
   */
  async *#turn() {
    try {
      if (isOffline() || this.#away) throw new Ended("network");
      yield { type: "state", state: "connecting" };
      if (this.#mutes >= MUTE_LIMIT) return yield* this.#poll("proxy", PROBE_MS);
      const slot = await takeSlot(this.#options.url ?? "");
      if (!slot) return yield* this.#poll("tabs", SLOT_MS);
      try {
        return yield* this.#stream();
      } finally {
        slot.release();
      }
    } catch (error) {
      if (this.#closed) return true;
      const ended = asEnded(error);
      const atLeast = Math.max(ended.retryAfterMs, this.#retryMs);
      this.#retryMs = 0;
      const pause = this.#backoff.next(atLeast);
      if (isOffline() || this.#away) {
        yield { type: "state", state: "offline" };
        await this.#pause(() => isOffline() || this.#away);
      } else {
        const retryAt = Date.now() + pause;
        yield { type: "state", state: "waiting", retryAt, cause: ended.endCause, detail: ended.message };
        await this.#pause(() => Date.now() < retryAt);
      }
      return this.#closed;
    }
  }

  /** @returns {AsyncGenerator<FollowEvent, boolean, void>} */
  async *#stream() {
    const attempt = new AbortController();
    this.#attempt = attempt;
    const guard = new Guard(attempt);
    let started = 0;
    try {
      // Whoever closed this, or left the page, while a slot was asked for has found no connection to end.
      if (this.#closed || this.#away) throw new Ended("network");
      guard.expect(SILENCE_MS);
      const accept = "text/event-stream";
      // `after_id` and not `Last-Event-ID`, for which a browser would ask another origin's leave first; and `lastEventId` or
      // `last_event_id`, as polyfills of EventSource say it, may be answered 204, while a cursor that is asked for gets `done`.
      const query = { after_id: this.cursor || undefined };
      const answer = await request(this.#options, "/stream", query, { accept, signal: attempt.signal });
      if (answer.status === 204) return yield* this.#ended();
      if (!answer.body) throw new Ended("ended-early");
      started = Date.now();
      guard.expect(this.#options.firstByteMs ?? FIRST_BYTE_MS);
      yield { type: "state", state: "live" };
      yield* this.#body(answer.body, guard);
      return true;
    } catch (error) {
      const isMute = guard.expired && started > 0 && this.#lastByte < started;
      this.#mutes = isMute ? this.#mutes + 1 : this.#lastByte >= started ? 0 : this.#mutes;
      if (started > 0 && Date.now() - started > HEALTHY_MS && !isMute) this.#backoff.reset();
      throw guard.expired ? new Ended("silent") : error;
    } finally {
      guard.stop();
      // Only now, and for every way out: a reader that has left must not keep a viewer open.
      attempt.abort();
      this.#attempt = null;
    }
  }

  /** @param {ReadableStream<Uint8Array>} body @param {Guard} guard @returns {AsyncGenerator<FollowEvent, void, void>} */
  async *#body(body, guard) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const parser = new SseParser();
    let turn = Date.now();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Ended("ended-early");
      this.#lastByte = Date.now();
      guard.expect(this.#options.silenceMs ?? SILENCE_MS);
      const frames = parser.push(decoder.decode(value, { stream: true }));
      for (const event of this.#events(frames)) {
        yield event;
        if (event.type === "done") return;
      }
      if (Date.now() - turn > TURN_MS) {
        await nextTask();
        turn = Date.now();
      }
    }
  }

  /** Frames as events; the lines between two others become one. The cursor moves when an event has been taken.
   * @param {import("./sse.js").Frame[]} frames @returns {Generator<FollowEvent, void, void>}
   */
  *#events(frames) {
    /** @type {import("./index.js").Line[]} */
    let lines = [];
    let reached = this.cursor;
    const flush = () => {
      const event = { type: /** @type {const} */ ("lines"), lines };
      lines = [];
      return event;
    };
    for (const frame of frames) {
      if (frame.retry !== null) this.#retryMs = frame.retry;
      if (frame.event === "log") {
        const line = JSON.parse(frame.data);
        if (reached !== "" && compareIds(line.id, reached) <= 0) {
          this.duplicates += 1;
          continue;
        }
        reached = line.id;
        lines.push(line);
        continue;
      }
      if (lines.length > 0) {
        yield flush();
        this.cursor = reached;
      }
      const event = controlEvent(frame);
      if (event) yield event;
      // Every event has the position in its id; a gap may even move it back, where a log was deleted.
      if (frame.id) this.cursor = reached = frame.id;
    }
    if (lines.length > 0) {
      yield flush();
      this.cursor = reached;
    }
  }

  /**
   * Pages, where there can be no stream.
   * @param {"proxy" | "tabs"} why @param {number} probeMs when a stream is tried again
   * @returns {AsyncGenerator<FollowEvent, boolean, void>}
   */
  async *#poll(why, probeMs) {
    const probeAt = Date.now() + probeMs;
    const poller = new Poller(this.#options, this.cursor);
    yield { type: "state", state: "polling", why };
    while (!this.#closed && Date.now() < probeAt) {
      for await (const event of poller.next()) {
        yield event;
        if (event.type === "done") return true;
      }
      this.cursor = poller.cursor;
      if (poller.hasMore) continue;
      const until = Date.now() + (this.#options.pollMs ?? POLL_MS);
      await this.#pause(() => Date.now() < until);
    }
    this.#mutes = Math.min(this.#mutes, MUTE_LIMIT - 1);
    return this.#closed;
  }

  /**
   * 204: the log has ended, and nothing comes after the cursor.
   * @returns {AsyncGenerator<FollowEvent, boolean, void>}
   */
  async *#ended() {
    yield { type: "done", status: await this.#endStatus() };
    return true;
  }

  /** How the job has ended. A service that does not tell has no such route. */
  async #endStatus() {
    try {
      return (await status(this.#options)).status;
    } catch (error) {
      if (error instanceof ApiError && error.code === "route-not-found") return "ended";
      throw error;
    }
  }

  #wake() {
    if (this.#attempt && this.#lastByte > 0 && Date.now() - this.#lastByte > STALE_MS) this.#attempt.abort();
    this.retryNow();
  }

  /**
   * Waits while a condition holds, until somebody ends the pause.
   * @param {() => boolean} holds
   */
  async #pause(holds) {
    let ended = false;
    while (!ended && !this.#closed && holds()) {
      await /** @type {Promise<void>} */ (
        new Promise((resolve) => {
          const timer = setTimeout(resolve, 250);
          this.#endPause = () => {
            ended = !isOffline() && !this.#away;
            clearTimeout(timer);
            resolve(undefined);
          };
        })
      );
    }
    this.#endPause = null;
  }

  #stopWaiting() {
    this.#endPause?.();
    this.#attempt?.abort();
  }
}

/** Ends a connection that says nothing for too long. */
class Guard {
  /** @param {AbortController} attempt */
  constructor(attempt) {
    this.#attempt = attempt;
  }

  expired = false;
  #attempt;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {number} ms */
  expect(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.expired = true;
      this.#attempt.abort();
    }, ms);
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

/** @param {import("./sse.js").Frame} frame @returns {FollowEvent | null} */
function controlEvent(frame) {
  switch (frame.event) {
    case "gap": {
      const { after_id, first_id } = JSON.parse(frame.data);
      return { type: "gap", after: after_id, first: first_id };
    }
    case "done":
      return { type: "done", status: JSON.parse(frame.data).status };
    case "heartbeat":
      return { type: "heartbeat" };
    default:
      // An event of a later version.
      return null;
  }
}

/**
 * Lets the page draw and react.
 * @returns {Promise<void>}
 */
function nextTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
