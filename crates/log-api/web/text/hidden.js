// Characters that a reader does not see and that can deceive: they are shown by a mark in their place.
//
// The direction marks can make code read other than it runs (https://trojansource.codes).

const HIDDEN = new RegExp([
  String.raw`[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]`,
  // Letters and hyphens without a picture: a name with one of them is another name.
  String.raw`[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u3164\uffa0]`,
  // Tags, in which a whole text can be hidden. The flags of England, Scotland and Wales are made of them.
  String.raw`(?<!\ud83c\udff4(?:\udb40[\udc20-\udc7f]){0,8})\udb40[\udc00-\udc7f]|\udb40[\udd00-\uddef]`,
  // Half a character.
  String.raw`[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]`,
].join("|"), "g");

/** Stands for a hidden character, once for each of its units, so that places in the text stay what they are. */
const PLACEHOLDER = "\u2022";

/** @type {Record<number, string>} */
const NAMES = {
  0x200e: "LRM", 0x200f: "RLM", 0x061c: "ALM", 0x202a: "LRE", 0x202b: "RLE", 0x202c: "PDF", 0x202d: "LRO",
  0x202e: "RLO", 0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0x200b: "ZWSP", 0xfeff: "BOM",
  0x2028: "LS", 0x2029: "PS", 0x2060: "WJ", 0xad: "SHY",
};

/** @typedef {{at: number, length: number, name: string}} Mark */

/**
 * Where in a text such characters are, and what to call them.
 * @param {string} text @param {number} [most] no more are looked for @returns {Mark[]}
 */
export function hiddenMarks(text, most = Infinity) {
  const marks = [];
  for (const found of text.matchAll(HIDDEN)) {
    if (marks.length >= most) break;
    const code = /** @type {number} */ (found[0].codePointAt(0));
    marks.push({ at: /** @type {number} */ (found.index), length: found[0].length, name: nameOf(code) });
  }
  return marks;
}

/**
 * The text with a dot in the place of each hidden character: for where there is no room for marks.
 * @param {string} text
 */
export function withoutHidden(text) {
  return text.replace(HIDDEN, (found) => PLACEHOLDER.repeat(found.length));
}

/** @param {number} code */
function nameOf(code) {
  if (code < 0x20) return `^${String.fromCharCode(code + 64)}`;
  if (code === 0x7f) return "^?";
  return NAMES[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
