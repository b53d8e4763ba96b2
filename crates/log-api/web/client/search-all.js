// A search over a whole log: it goes on where the server has ended it early, and where it was broken off.

import { Backoff } from "./backoff.js";
import { asEnded } from "./ended.js";
import { search } from "./pages.js";
import { sleep } from "./sleep.js";

/** The most lines that one search may find. */
const LIMIT = 10_000;
/** How often a search is tried again that finds nothing more. */
const TRIES = 5;

/**
 * The last event is `end`, with the reason `end`.
 *
 * @param {import("./index.js").Options & import("./index.js").SearchQuery} options
 * @returns {AsyncGenerator<import("./index.js").SearchEvent>}
 */
export async function* searchAll(options) {
  const backoff = new Backoff();
  let { after } = options;
  for (let failures = 0; ; ) {
    try {
      let isOver = false;
      for await (const event of search({ limit: LIMIT, ...options, after })) {
        failures = 0;
        after = "match" in event ? event.match.id : "end" in event ? event.end.scanned_to : event.progress.scanned_to;
        isOver = "end" in event;
        if ("end" in event && event.end.reason !== "end") continue;
        yield event;
        if (isOver) return;
      }
      if (!isOver) throw new Error("The search was broken off");
    } catch (error) {
      failures += 1;
      if (options.signal?.aborted || failures > TRIES) throw error;
      await sleep(backoff.next(asEnded(error).retryAfterMs), options.signal);
    }
  }
}
