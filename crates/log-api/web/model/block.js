// Up to 512 lines of a log. What their place and height depend on stays in memory; their texts can be given up and
// fetched again.

import { idTime } from "../client/ids.js";
import { plain } from "../text/ansi.js";
import { cells } from "../text/cells.js";
import { isFailure } from "../text/failure.js";
import { Column } from "./column.js";
import { readMark } from "./marks.js";
import { Packed } from "./packed.js";
import { parseTime } from "./times.js";

/** @typedef {import("../client/index.js").Line} Line */

export const BLOCK_LINES = 512;

/** Of a longer line only the head is shown, until somebody asks for all of it. */
export const LINE_CUT = 10_000;

/** The flags of a line. The two lowest bits are its source. */
export const OPEN = 4;
/** An open line whose place the next one of its source has taken. */
export const SUPERSEDED = 8;
export const FAILURE = 16;
/** The line is the first of a phase: its phase is shown above it. */
export const PHASE_HEAD = 32;
/** A failure begins here; lines of one failure follow each other. */
const FAILURE_START = 64;
/** What a row without its text shows, and what groups are made of. */
const KEPT = SUPERSEDED | FAILURE | PHASE_HEAD | FAILURE_START;

export const SOURCES = ["stdout", "stderr", "system"];
const SOURCE_BITS = 3;

/** How a closed group hides a line: wholly, or all but the heading of a phase above it. */
export const HIDDEN = 1;
export const HIDDEN_FIRST = 2;

/** So many heads in one block say nothing to a reader: two phases write at the same time. */
const MOST_HEADS = 64;

/**
 * What most blocks have, and share: most lines say nothing of groups.
 * @type {never[]}
 */
const NONE = [];
const NONE_OPEN = [-1, -1, -1];
Object.freeze(NONE);
Object.freeze(NONE_OPEN);

export class Block {
  kind = /** @type {const} */ ("lines");
  /** The place among the pieces of its log, which keeps it up to date. */
  order = 0;
  count = 0;
  firstId = "";
  lastId = "";
  /** Rows of the view, without hidden lines. The log keeps it up to date. */
  rows = 0;
  /** Lines that are shown, superseded ones left out. */
  shown = 0;
  /** As many of them as the log has counted. */
  countedShown = 0;
  /** Lines at which a failure begins. */
  failureCount = 0;
  /**
   * Heights that were measured and differ, by line.
   * @type {Map<number, number> | null}
   */
  measured = null;
  /**
   * Lines that are shown whole although they are long.
   * @type {Set<number> | null}
   */
  whole = null;
  /** @type {Array<import("./marks.js").Mark & {index: number, id: string, time: number}>} */
  marks = NONE;
  /**
   * Where the phase changes.
   * @type {Array<{index: number, id: string, time: number, name: string}>}
   */
  phases = NONE;
  /** The sources that have lines here, as bits. */
  sources = 0;
  /**
   * The last line of each source, if it is open; else -1.
   * @type {readonly number[]}
   */
  openEnds = NONE_OPEN;
  /** @type {string | null} */
  firstPhase = null;
  /** @type {string | null} */
  lastPhase = null;
  firstPhaseAt = -1;
  #flags = new Column();
  /** Cells of each line: with them, its height follows from the width of the view. */
  #widths = new Column();
  #hasWidthOrder = true;
  /**
   * The lines as they came, while the block is being filled.
   * @type {Line[] | null}
   */
  #lines = [];
  /** @type {Packed | null} */
  #packed = null;
  #heads = 0;
  /**
   * For each line whether a closed group hides it; `null` while none does.
   * @type {Uint8Array | null}
   */
  #hidden = null;

  get isFull() {
    return this.count >= BLOCK_LINES;
  }

  get isLoaded() {
    return this.#lines !== null || this.#packed !== null;
  }

  /** Whether it takes no more lines. */
  get isPacked() {
    return this.#lines === null;
  }

  /** About how many bytes the texts take. */
  get bytes() {
    return this.#packed?.bytes ?? (this.#lines ? this.count * 200 : 0);
  }

  /** @param {Line} line */
  push(line) {
    const index = this.count;
    if (index === 0) this.firstId = line.id;
    this.lastId = line.id;
    this.#lines?.push(line);
    this.count = index + 1;
    this.shown += 1;
    this.#describe(index, line);
    if (this.isFull) this.pack();
  }

  /** No more lines come: keep the texts in less memory. */
  pack() {
    if (!this.#lines) return;
    this.#packed = new Packed(this.#lines);
    this.#lines = null;
    this.#flags.pack();
    this.#widths.pack();
  }

  /** Gives the texts up, and what only a row with its text shows. */
  unload() {
    this.pack();
    this.#packed = null;
    this.#flags = this.#column((index) => this.flags(index) & KEPT);
    // The block has as many rows as before if no line of it has other rows than its width says.
    const isEven = this.shown === this.count && this.#hidden === null && this.measured === null && this.whole === null;
    if (isEven && this.#widths.forgetOrder()) this.#hasWidthOrder = false;
  }

  /**
   * Takes the texts back. Where lines of the block are hidden, it may have other rows than before.
   * @param {Line[]} lines exactly those of this block
   */
  reload(lines) {
    this.#packed = new Packed(lines);
    this.#flags = this.#column((index) => (this.flags(index) & KEPT) | lineFlags(lines[index]));
    if (!this.#hasWidthOrder) this.#widths = this.#column((index) => widthOf(shownHead(lines[index])));
    this.#hasWidthOrder = true;
  }

  /** @param {number} index */
  id(index) {
    if (index === 0) return this.firstId;
    if (index === this.count - 1) return this.lastId;
    return this.#lines?.[index].id ?? this.#packed?.id(index) ?? "";
  }

  /**
   * The text as it came; `null` while it is not loaded.
   * @param {number} index @returns {string | null}
   */
  text(index) {
    return this.#lines ? this.#lines[index].text ?? "" : this.#packed?.text(index) ?? null;
  }

  /**
   * When the line was written, by its producer; else when it was stored. Milliseconds, or `NaN`.
   * @param {number} index
   */
  time(index) {
    if (this.#lines) return lineTime(this.#lines[index]);
    const ts = this.#packed?.time(index) ?? NaN;
    return Number.isNaN(ts) ? idTime(this.id(index)) : ts;
  }

  /** @param {number} index */
  phase(index) {
    return this.#lines ? this.#lines[index].phase : this.#packed?.phase(index) ?? null;
  }

  /** @param {number} index */
  source(index) {
    return SOURCES[this.flags(index) & SOURCE_BITS];
  }

  /** @param {number} index */
  flags(index) {
    return this.#flags.get(index);
  }

  /** @param {number} index @param {number} flag */
  has(index, flag) {
    return (this.#flags.get(index) & flag) !== 0;
  }

  /** How many cells a line takes, at most 65,535.
   * @param {number} index
   */
  width(index) {
    return this.#widths.get(index);
  }

  /** Lines at which a failure begins. */
  get failures() {
    /** @type {number[]} */
    const all = [];
    for (let index = 0; all.length < this.failureCount; index += 1) if (this.has(index, FAILURE_START)) all.push(index);
    return all;
  }

  /** Hides the lines of a closed group.
   * @param {number} from @param {number} to behind the last one
   */
  hide(from, to) {
    this.#hidden ??= new Uint8Array(BLOCK_LINES);
    this.#hidden.fill(HIDDEN, from, to);
    this.#hidden[from] = HIDDEN_FIRST;
  }

  /** Shows all lines again. */
  unhide() {
    this.#hidden = null;
  }

  /** Whether a closed group hides a line, and whether it is the first of those: `false` or one of the two kinds.
   * @param {number} index
   */
  hiding(index) {
    return this.#hidden?.[index] || false;
  }

  /** Another line has taken the place of the last one of a source, which was open.
   * @param {number} source
   */
  settle(source) {
    const index = this.openEnds[source];
    if (index < 0) return;
    this.#setOpenEnd(source, -1);
    const flags = this.flags(index);
    if (flags & FAILURE_START) this.failureCount -= 1;
    this.#flags.set(index, (flags & ~FAILURE_START) | SUPERSEDED);
    this.shown -= 1;
  }

  /**
   * The place of a line of this id, or of the first one after it.
   * @param {string} id @param {(a: string, b: string) => number} compare
   */
  indexOf(id, compare) {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.id(middle), id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Whether the first line with a phase begins a new one, compared with what is before this block. Returns whether that is new.
   * @param {string | null} before
   */
  joinPhase(before) {
    if (this.firstPhaseAt < 0) return false;
    const known = this.flags(this.firstPhaseAt);
    const isHead = this.firstPhase !== before && this.#heads <= MOST_HEADS;
    const flags = isHead ? known | PHASE_HEAD : known & ~PHASE_HEAD;
    this.#flags.set(this.firstPhaseAt, flags);
    return flags !== known;
  }

  /** @param {number} index @param {Line} line */
  #describe(index, line) {
    const text = shownHead(line);
    const flags = lineFlags(line);
    const source = flags & SOURCE_BITS;
    this.settle(source);
    if (line.open) this.#setOpenEnd(source, index);
    this.sources |= 1 << source;
    this.#flags.push(flags | this.#failureFlags(index, text) | this.#phaseFlags(index, line));
    this.#widths.push(widthOf(text));
    const mark = readMark(headOf(line), text);
    if (mark) this.marks = added(this.marks, { ...mark, index, id: line.id, time: lineTime(line) });
  }

  /** @param {number} index @param {string} text */
  #failureFlags(index, text) {
    if (!isFailure(text)) return 0;
    if (index > 0 && this.has(index - 1, FAILURE) && !this.has(index - 1, SUPERSEDED)) return FAILURE;
    this.failureCount += 1;
    return FAILURE | FAILURE_START;
  }

  /** @param {number} index @param {Line} line */
  #phaseFlags(index, line) {
    const { id, phase } = line;
    if (!phase || phase === this.lastPhase) return 0;
    const isFirst = this.lastPhase === null;
    if (isFirst) {
      this.firstPhase = phase;
      this.firstPhaseAt = index;
    }
    this.lastPhase = phase;
    this.phases = added(this.phases, { index, id, time: lineTime(line), name: phase });
    return !isFirst && (this.#heads += 1) <= MOST_HEADS ? PHASE_HEAD : 0;
  }

  /** A full column.
   * @param {(index: number) => number} number
   */
  #column(number) {
    const column = new Column();
    for (let index = 0; index < this.count; index += 1) column.push(number(index));
    column.pack();
    return column;
  }

  /** @param {number} source @param {number} index */
  #setOpenEnd(source, index) {
    const ends = this.openEnds.map((end, at) => (at === source ? index : end));
    this.openEnds = ends.every((end) => end < 0) ? NONE_OPEN : ends;
  }
}

/** A list with one more in it. The empty one is shared.
 * @template T @param {T[]} list @param {T} item
 */
function added(list, item) {
  if (list === NONE) return [item];
  list.push(item);
  return list;
}

/** The flags that a line has by itself.
 * @param {Line} line
 */
function lineFlags(line) {
  return Math.max(0, SOURCES.indexOf(line.source ?? "stdout")) | (line.open ? OPEN : 0);
}

/** As much of a line as is looked at.
 * @param {Line} line
 */
function headOf(line) {
  const raw = line.text ?? "";
  return raw.length > 4 * LINE_CUT ? raw.slice(0, 4 * LINE_CUT) : raw;
}

/** @param {Line} line */
function shownHead(line) {
  return plain(headOf(line));
}

/** @param {string} text */
function widthOf(text) {
  return Math.min(65_535, cells(text.length > LINE_CUT ? text.slice(0, LINE_CUT) : text));
}

/** @param {Line} line */
function lineTime(line) {
  const ts = parseTime(line.ts);
  return Number.isNaN(ts) ? idTime(line.id) : ts;
}
