// Names that come with a log (of jobs, phases, groups and states), as one short line.

import { withoutHidden } from "./hidden.js";

/** Longer ones are cut. */
const LONGEST = 200;

/**
 * A name as it can be shown outside a line: nothing hidden, no line breaks, not too long.
 * @param {string} text without control sequences
 */
export function shownName(text) {
  const name = withoutHidden(text.length > LONGEST ? `${text.slice(0, LONGEST).trimEnd()}…` : text);
  return name.replace(/\s+/g, " ").trim();
}
