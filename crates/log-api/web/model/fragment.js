// The fragment of an address: a link to a line or to a range of lines, and the token of who opens the page.
//
// A fragment never reaches a server or a Referer. `#<id>` or `#<id>,<id>`; `#token=<token>&at=<id>`.

import { compareIds, isId } from "../client/ids.js";

/** @typedef {{from: string, to: string}} Target */

/** @param {string} hash with or without `#` @returns {{target: Target | null, token: string | null, code: string | null}} */
export function readFragment(hash) {
  const text = hash.replace(/^#/, "");
  if (!text.includes("=")) return { target: readTarget(text), token: null, code: null };
  const pairs = new URLSearchParams(text);
  return { target: readTarget(pairs.get("at") ?? ""), token: pairs.get("token"), code: pairs.get("code") };
}

/** @param {string} text @returns {Target | null} */
export function readTarget(text) {
  const [from, to = from, more] = text.replace(/%2c/i, ",").split(",");
  if (more !== undefined || !isId(from) || !isId(to)) return null;
  return compareIds(from, to) <= 0 ? { from, to } : { from: to, to: from };
}

/** @param {Target} target */
export function writeFragment({ from, to }) {
  return from === to ? `#${from}` : `#${from},${to}`;
}
