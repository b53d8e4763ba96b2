// The first failure of a log that is not known whole: the server finds what may be one, and what is one is decided here.

import { searchAll } from "../client/search-all.js";
import { FAILURE_HINT, isFailure } from "../text/failure.js";

/** How many lines that may tell of a failure are looked at. */
const MOST = 4000;

/**
 * Its id; `null` if no line tells of one.
 * @param {import("../client/index.js").Options} options @returns {Promise<string | null>}
 */
export async function findFailure(options) {
  let seen = 0;
  for await (const event of searchAll({ ...options, text: FAILURE_HINT, regex: true, matchCase: true })) {
    if (!("match" in event)) continue;
    if (isFailure(event.match.text)) return event.match.id;
    seen += 1;
    if (seen === MOST) return null;
  }
  return null;
}
