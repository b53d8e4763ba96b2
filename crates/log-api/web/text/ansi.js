// Terminal output → plain text, the styles of its parts, and its links.
//
// Kept: colours and the like (SGR), links (OSC 8), and what a carriage return, or a move of the cursor to the first column,
// leaves of a line. Every other sequence is dropped. A line begins without style: tools set it anew for each line.

/**
 * A colour: 0–255 of the palette, or `#rrggbb`.
 * @typedef {number | string} Colour
 *
 * @typedef {object} Style
 * @property {Colour | null} fg
 * @property {Colour | null} bg
 * @property {boolean} bold
 * @property {boolean} dim
 * @property {boolean} italic
 * @property {boolean} underline
 * @property {boolean} strike
 * @property {boolean} inverse
 * @property {boolean} hidden
 *
 * @typedef {{start: number, end: number, style: Style}} StyleSpan
 * @typedef {{start: number, end: number, href: string}} LinkSpan
 * @typedef {{text: string, styles: StyleSpan[], links: LinkSpan[], updates: number}} Rendered
 */

/** @type {Style} */
const PLAIN = {
  fg: null,
  bg: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
  hidden: false,
};

/** Whether a text holds anything that has to be interpreted. */
const SPECIAL = /[\x1b\r\x08\x90\x98\x9b-\x9f]/;

/**
 * A sequence: CSI, a string (OSC, DCS, SOS, PM, APC) with its end, or an escape of two or three characters. No string has the
 * beginning of another one in it: a line of nothing but beginnings would take a time that grows with the square of its length.
 */
const SEQUENCE =
  /(?:\x1b\[|\x9b)([0-?]*)[ -/]*([@-~])|(?:\x1b\]|\x9d)([^\x07\x1b\x90\x98\x9c-\x9f]*)(?:\x07|\x1b\\|\x9c)|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]+[0-~]|\x1b[0-Z\\^_`a-~]|\x1b\[[0-?]*[ -/]*$|[\x1b\x9b\x9d]/g;

/** What may stand behind the last CR of a line that ends by CR LF. */
const TAIL = /^\x1b\[[0-9;]*[mK]$/;

/** @param {string} raw @returns {Rendered} */
export function render(raw) {
  if (!SPECIAL.test(raw)) return { text: raw, styles: [], links: [], updates: 0 };
  return new Terminal().run(raw);
}

/**
 * The text without its sequences: what is searched, copied and measured.
 * @param {string} raw
 */
export function plain(raw) {
  return SPECIAL.test(raw) ? new Terminal().run(raw).text : raw;
}

class Terminal {
  /** @type {StyleSpan[]} */
  styles = [];
  /** @type {LinkSpan[]} */
  links = [];
  updates = 0;
  /**
   * The text so far. As one string it would be copied at each backspace.
   * @type {string[]}
   */
  #pieces = [];
  #length = 0;
  #style = PLAIN;
  #href = "";
  /** The cursor was put to the first column: what comes takes the place of what is there, as behind a CR. */
  #isAtStart = false;

  /** @param {string} raw @returns {Rendered} */
  run(raw) {
    const line = withoutLastCr(raw);
    let from = 0;
    for (const found of line.matchAll(SEQUENCE)) {
      this.#write(line.slice(from, found.index));
      from = /** @type {number} */ (found.index) + found[0].length;
      if (found[2] === "m") this.#style = applySgr(this.#style, found[1]);
      else if (found[2] === "G" && /^1?$/.test(found[1])) this.#isAtStart = true;
      else if (found[2] === "K" && (found[1] === "2" || (this.#isAtStart && /^0?$/.test(found[1])))) this.#cut(0);
      else if (found[3]?.startsWith("8;")) this.#href = found[3].slice(found[3].indexOf(";", 2) + 1);
    }
    this.#write(line.slice(from));
    const { styles, links, updates } = this;
    return { text: this.#pieces.join(""), styles, links, updates };
  }

  /** @param {string} piece */
  #write(piece) {
    const cr = piece.lastIndexOf("\r");
    if (cr >= 0) {
      this.#isAtStart = false;
      this.updates += piece.split("\r").length - 1;
      this.#cut(0);
      piece = piece.slice(cr + 1);
    }
    for (let at = piece.indexOf("\b"); at >= 0; at = piece.indexOf("\b")) {
      this.#append(piece.slice(0, at));
      this.#cut(Math.max(0, this.#length - 1));
      piece = piece.slice(at + 1);
    }
    this.#append(piece);
  }

  /** @param {string} piece */
  #append(piece) {
    if (piece === "") return;
    if (this.#isAtStart) this.#startAnew();
    const start = this.#length;
    const end = start + piece.length;
    this.#pieces.push(piece);
    this.#length = end;
    if (this.#style !== PLAIN) addSpan(this.styles, { start, end, style: this.#style }, "style");
    if (this.#href !== "") addSpan(this.links, { start, end, href: this.#href }, "href");
  }

  #startAnew() {
    this.#isAtStart = false;
    if (this.#length > 0) this.updates += 1;
    this.#cut(0);
  }

  /** @param {number} length */
  #cut(length) {
    while (this.#length > length) {
      const last = this.#pieces.pop() ?? "";
      this.#length -= last.length;
      if (this.#length < length) {
        this.#pieces.push(last.slice(0, length - this.#length));
        this.#length = length;
      }
    }
    cutSpans(this.styles, length);
    cutSpans(this.links, length);
  }
}

/**
 * A CR right before the end of the line, with at most colours behind it, is the other half of CR LF.
 * @param {string} raw
 */
function withoutLastCr(raw) {
  /** @type {string[]} */
  const tail = [];
  let end = raw.length;
  for (;;) {
    const last = raw[end - 1];
    if (last === "\r") {
      end -= 1;
      continue;
    }
    const start = last === "m" || last === "K" ? raw.lastIndexOf("\x1b", end - 1) : -1;
    if (start < 0 || !TAIL.test(raw.slice(start, end))) break;
    tail.push(raw.slice(start, end));
    end = start;
  }
  return raw.slice(0, end) + tail.reverse().join("");
}

/** @param {Array<{start: number, end: number}>} spans @param {number} length */
function cutSpans(spans, length) {
  while (spans.length > 0 && spans[spans.length - 1].start >= length) spans.pop();
  const last = spans[spans.length - 1];
  if (last && last.end > length) last.end = length;
}

/**
 * Adds a span, or lengthens the last one if the new one continues it.
 * @template {{start: number, end: number}} T
 * @param {T[]} spans @param {T} span @param {keyof T} what
 */
function addSpan(spans, span, what) {
  const last = spans[spans.length - 1];
  if (last && last.end === span.start && last[what] === span[what]) last.end = span.end;
  else spans.push(span);
}

/**
 * What sequences have made of styles. A log has few of them, each very often.
 * @type {Map<Style, Map<string, Style>>}
 */
const known = new Map();
/** Sequences can be many; this is only a help. */
const MOST_KNOWN = 1000;
let knownCount = 0;

/** @param {Style} style @param {string} text the parameters of one SGR sequence @returns {Style} */
export function applySgr(style, text) {
  const before = known.get(style)?.get(text);
  if (before) return before;
  if (knownCount === MOST_KNOWN) {
    known.clear();
    knownCount = 0;
  }
  const next = changed(style, text);
  const ofStyle = known.get(style) ?? new Map();
  known.set(style, ofStyle.set(text, next));
  knownCount += 1;
  return next;
}

/** @param {Style} style @param {string} text @returns {Style} */
function changed(style, text) {
  const next = { ...style };
  // A colon joins the parts of one parameter; a semicolon separates parameters.
  const groups = text.split(";").map((group) => group.split(":").map((part) => (part === "" ? 0 : Number(part))));
  for (let at = 0; at < groups.length; at += 1) {
    const [code, ...parts] = groups[at];
    if (code === 38 || code === 48 || code === 58) {
      const rest = parts.length > 0 ? parts : groups.slice(at + 1).map(([first]) => first);
      const { colour, used } = extendedColour(rest, parts.length > 0);
      if (parts.length === 0) at += used;
      if (code === 38) next.fg = colour;
      else if (code === 48) next.bg = colour;
    } else {
      applyCode(next, code, parts);
    }
  }
  return isPlain(next) ? PLAIN : next;
}

/** @param {Style} style @param {number} code @param {number[]} parts */
function applyCode(style, code, parts) {
  if (code === 0) Object.assign(style, PLAIN);
  else if (code === 1) style.bold = true;
  else if (code === 2) style.dim = true;
  else if (code === 3) style.italic = true;
  else if (code === 4) style.underline = parts[0] !== 0 || parts.length === 0;
  else if (code === 7) style.inverse = true;
  else if (code === 8) style.hidden = true;
  else if (code === 9) style.strike = true;
  else if (code === 21) style.underline = true;
  else if (code === 22) style.bold = style.dim = false;
  else if (code === 23) style.italic = false;
  else if (code === 24) style.underline = false;
  else if (code === 27) style.inverse = false;
  else if (code === 28) style.hidden = false;
  else if (code === 29) style.strike = false;
  else if (code >= 30 && code <= 37) style.fg = code - 30;
  else if (code === 39) style.fg = null;
  else if (code >= 40 && code <= 47) style.bg = code - 40;
  else if (code === 49) style.bg = null;
  else if (code >= 90 && code <= 97) style.fg = code - 82;
  else if (code >= 100 && code <= 107) style.bg = code - 92;
}

/**
 * The colour behind 38 or 48, and how many parameters it took.
 * @param {number[]} parts @param {boolean} colons @returns {{colour: Colour | null, used: number}}
 */
function extendedColour(parts, colons) {
  if (parts[0] === 5) return { colour: byte(parts[1]), used: 2 };
  if (parts[0] !== 2) return { colour: null, used: parts.length === 0 ? 0 : 1 };
  // With colons there may be a colour space before the three parts.
  const rgb = colons && parts.length > 4 ? parts.slice(2, 5) : parts.slice(1, 4);
  const hex = rgb.map((part) => byte(part)?.toString(16).padStart(2, "0"));
  return { colour: rgb.length === 3 && hex.every(Boolean) ? `#${hex.join("")}` : null, used: 4 };
}

/** @param {number | undefined} part */
function byte(part) {
  return part !== undefined && part >= 0 && part <= 255 ? part : null;
}

/** @param {Style} style */
function isPlain(style) {
  return style.fg === null && style.bg === null && !style.bold && !style.dim && !style.italic && !style.underline &&
    !style.strike && !style.inverse && !style.hidden;
}
