// Requests that end: pages of history, the status of a job, a search.

import { BEFORE_ALL, compareIds, idBefore } from "./ids.js";
import { request } from "./request.js";
import { SseParser } from "./sse.js";

/** @typedef {import("./index.js").Options} Options */

/** The most that one page may hold. */
export const PAGE_LINES = 500;

/** The server sends a heartbeat at once, so a head without a byte behind it is a proxy that holds bodies back. */
export const FIRST_BYTE_MS = 10_000;

/** @param {Options & import("./index.js").PageQuery} options @returns {Promise<import("./index.js").Page>} */
export async function page(options) {
  const { before, after, limit = PAGE_LINES } = options;
  const query = { before_id: before, after_id: after, limit };
  const answer = await request(options, "", query, { signal: options.signal });
  return answer.json();
}

/**
 * The lines from this one on. If the first of the answer is another, lines behind it may be gone too.
 *
 * @param {Options & import("./index.js").PageQuery} options @param {string} id
 * @returns {Promise<import("./index.js").Page>}
 */
export async function pageFrom(options, id) {
  const found = await page({ ...options, after: idBefore(id) });
  const isEdge = found.lines.length === 1 && compareIds(found.lines[0].id, id) === 0;
  if (!isEdge || !found.has_more) return found;
  // A line so long that it fills a page.
  const next = await page({ ...options, after: id });
  return { ...next, lines: [...found.lines, ...next.lines] };
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

/**
 * Whether lines are missing before the first one that a log still has: `null` if not. Only a stream tells that, so the
 * beginning of one is read.
 *
 * @param {Options} options
 * @returns {Promise<{first: string | null} | null | undefined>} `undefined`: a proxy holds streams back, so nobody can say
 */
export async function firstGap(options) {
  const attempt = new AbortController();
  const abort = () => attempt.abort();
  options.signal?.addEventListener("abort", abort);
  let isMute = false;
  const timer = setTimeout(() => {
    isMute = true;
    abort();
  }, FIRST_BYTE_MS);
  try {
    const query = { after_id: BEFORE_ALL };
    const answer = await request(options, "/stream", query, { accept: "text/event-stream", signal: attempt.signal });
    return answer.body && (await gapIn(answer.body));
  } catch (error) {
    if (isMute) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
    abort();
  }
}

/** @param {ReadableStream<Uint8Array>} body @returns {Promise<{first: string | null} | null>} */
async function gapIn(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the stream ended early");
    for (const { event, data } of parser.push(decoder.decode(value, { stream: true }))) {
      if (event === "gap") return { first: JSON.parse(data).first_id };
      if (event === "log" || event === "done") return null;
    }
  }
}
