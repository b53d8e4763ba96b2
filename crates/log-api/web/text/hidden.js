// Characters that a reader does not see and that can deceive: they are shown by a mark in their place.
//
// The direction marks can make code read other than it runs (https://trojansource.codes).

const HIDDEN = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** @type {Record<number, string>} */
const NAMES = {
  0x200e: "LRM", 0x200f: "RLM", 0x061c: "ALM", 0x202a: "LRE", 0x202b: "RLE", 0x202c: "PDF", 0x202d: "LRO",
  0x202e: "RLO", 0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0x200b: "ZWSP", 0xfeff: "BOM",
  0x2028: "LS", 0x2029: "PS", 0x2060: "WJ",
};

/** @typedef {{at: number, name: string}} Mark */

/**
 * Where in a text such characters are, and what to call them.
 * @param {string} text @returns {Mark[]}
 */
export function hiddenMarks(text) {
  const marks = [];
  for (const found of text.matchAll(HIDDEN)) {
    marks.push({ at: /** @type {number} */ (found.index), name: nameOf(found[0].charCodeAt(0)) });
  }
  return marks;
}

/** @param {number} code */
function nameOf(code) {
  if (code < 0x20) return `^${String.fromCharCode(code + 64)}`;
  if (code === 0x7f) return "^?";
  return NAMES[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
