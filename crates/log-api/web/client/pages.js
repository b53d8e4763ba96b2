// Requests that end: pages of history, the status of a job, a search.

import { BEFORE_ALL } from "./ids.js";
import { request } from "./request.js";

/** @typedef {import("./index.js").Options} Options */

/** The most that one page may hold. */
export const PAGE_LINES = 500;

/** @param {Options & import("./index.js").PageQuery} options @returns {Promise<import("./index.js").Page>} */
export async function page(options) {
  const { before, after, limit = PAGE_LINES } = options;
  const query = { before_id: before, after_id: after, limit };
  const answer = await request(options, "", query, { signal: options.signal });
  return answer.json();
}

/**
 * The whole log as it is now, in batches.
 *
 * @param {Options & {after?: string}} options
 */
export async function* readAll(options) {
  let after = options.after ?? BEFORE_ALL;
  for (;;) {
    const { lines, has_more, newest_id } = await page({ ...options, after });
    if (lines.length > 0) yield lines;
    if (!has_more || newest_id === null) return;
    after = newest_id;
  }
}

/** @param {Options} options @returns {Promise<import("./index.js").JobStatus>} */
export async function status(options) {
  const answer = await request(options, "/status", {}, { signal: options.signal });
  return answer.json();
}

/**
 * Searches the whole log on the server. The last event is `end`.
 *
 * @param {Options & import("./index.js").SearchQuery} options
 * @returns {AsyncGenerator<import("./index.js").SearchEvent>}
 */
export async function* search(options) {
  const { text, regex = false, matchCase = false, after, limit } = options;
  const query = { q: text, regex: regex ? 1 : undefined, case: matchCase ? 1 : undefined, after_id: after, limit };
  const accept = "application/x-ndjson";
  const answer = await request(options, "/search", query, { accept, signal: options.signal });
  if (!answer.body) return;
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      const lines = (rest + decoder.decode(value, { stream: !done })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield JSON.parse(line);
      if (!done) continue;
      if (rest !== "") yield JSON.parse(rest);
      return;
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}
