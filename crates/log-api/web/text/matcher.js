// Finds a text in a line, as the server does.
//
// Patterns (regular expressions) are left to the server. A browser's engine can take for ever for one line (`(a+)+$`), and the
// page could not end it; the server's takes a time that grows with the line only.

/** @typedef {{text: string, matchCase: boolean}} Query */

/** Of a longer line only the head is searched here; the server searches all of it. */
const LONGEST = 100_000;

/** Returns a function from a line to the places of a text in it.
 * @param {Query} query @returns {(line: string) => Array<[number, number]>}
 */
export function finder({ text, matchCase }) {
  const pattern = new RegExp(escape(text), matchCase ? "gu" : "giu");
  return (line) => findAll(pattern, line.length > LONGEST ? line.slice(0, LONGEST) : line);
}

/** @param {RegExp} pattern @param {string} line */
function findAll(pattern, line) {
  /** @type {Array<[number, number]>} */
  const spans = [];
  for (const found of line.matchAll(pattern)) {
    const start = /** @type {number} */ (found.index);
    spans.push([start, start + found[0].length]);
  }
  return spans;
}

/** @param {string} text */
function escape(text) {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
