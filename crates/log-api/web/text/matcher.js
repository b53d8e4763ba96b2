// Finds a text or a pattern in a line, as the server does.

/** @typedef {{text: string, regex: boolean, matchCase: boolean}} Query */

/** Of a longer line only the head is searched here; the server searches all of it. */
const LONGEST = 100_000;
/** A browser's patterns can take a time that grows with the square of the line, or worse. */
const LONGEST_FOR_PATTERN = 2000;

/** Returns a function from a line to its matches, or says what is wrong with the pattern.
 * @param {Query} query @returns {{find: (text: string) => Array<[number, number]>} | {wrong: string}}
 */
export function compile({ text, regex, matchCase }) {
  const source = regex ? text : escape(text);
  const flags = matchCase ? "g" : "gi";
  const pattern = tryPattern(source, `${flags}u`) ?? tryPattern(source, flags);
  if (!pattern) return { wrong: "This is no pattern" };
  const longest = regex ? LONGEST_FOR_PATTERN : LONGEST;
  return { find: (line) => findAll(pattern, line.length > longest ? line.slice(0, longest) : line) };
}

/** @param {string} source @param {string} flags */
function tryPattern(source, flags) {
  try {
    return new RegExp(source, flags);
  } catch {
    return null;
  }
}

/** @param {RegExp} pattern @param {string} line */
function findAll(pattern, line) {
  /** @type {Array<[number, number]>} */
  const spans = [];
  for (const found of line.matchAll(pattern)) {
    const start = /** @type {number} */ (found.index);
    if (found[0].length > 0) spans.push([start, start + found[0].length]);
  }
  return spans;
}

/** @param {string} text */
function escape(text) {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
