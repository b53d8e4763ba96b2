// Up to 512 lines of a log. What their place and height depend on stays in memory; their texts can be given up and
// fetched again.

import { idTime } from "../client/ids.js";
import { plain } from "../text/ansi.js";
import { cells } from "../text/cells.js";
import { isFailure } from "../text/failure.js";
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

export const SOURCES = ["stdout", "stderr", "system"];
const SOURCE_BITS = 3;

/** So many heads in one block say nothing to a reader: two phases write at the same time. */
const MOST_HEADS = 64;

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
  flags = new Uint8Array(16);
  /** Cells of each line: with them, its height follows from the width of the view. */
  widths = new Uint16Array(16);
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
  /**
   * Lines of collapsed groups, as `[from, to)`.
   * @type {Array<[number, number]>}
   */
  hidden = [];
  /** @type {Array<import("./marks.js").Mark & {index: number, id: string, time: number}>} */
  marks = [];
  /**
   * Where the phase changes.
   * @type {Array<{index: number, id: string, time: number, name: string}>}
   */
  phases = [];
  /**
   * Lines at which a failure begins.
   * @type {number[]}
   */
  failures = [];
  /** The sources that have lines here, as bits. */
  sources = 0;
  /** The last line of each source, if it is open; else -1. */
  openEnds = [-1, -1, -1];
  /** @type {string | null} */
  firstPhase = null;
  /** @type {string | null} */
  lastPhase = null;
  firstPhaseAt = -1;
  /**
   * The lines as they came, while the block is being filled.
   * @type {Line[] | null}
   */
  #lines = [];
  /** @type {Packed | null} */
  #packed = null;
  #heads = 0;

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
    if (index === this.flags.length) this.#grow();
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
  }

  /** Gives the texts up. */
  unload() {
    this.pack();
    this.#packed = null;
  }

  /**
   * Takes the texts back.
   * @param {Line[]} lines exactly those of this block
   */
  reload(lines) {
    this.#packed = new Packed(lines);
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
    return SOURCES[this.flags[index] & SOURCE_BITS];
  }

  /** @param {number} index @param {number} flag */
  has(index, flag) {
    return (this.flags[index] & flag) !== 0;
  }

  /** @param {number} index */
  supersede(index) {
    if (this.has(index, SUPERSEDED)) return;
    this.flags[index] |= SUPERSEDED;
    this.shown -= 1;
    if (this.has(index, FAILURE)) this.failures = this.failures.filter((failure) => failure !== index);
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
    const flags = this.flags[this.firstPhaseAt];
    const isHead = this.firstPhase !== before && this.#heads <= MOST_HEADS;
    this.flags[this.firstPhaseAt] = isHead ? flags | PHASE_HEAD : flags & ~PHASE_HEAD;
    return this.flags[this.firstPhaseAt] !== flags;
  }

  /** @param {number} index @param {Line} line */
  #describe(index, line) {
    const source = Math.max(0, SOURCES.indexOf(line.source ?? "stdout"));
    const raw = line.text ?? "";
    const head = raw.length > 4 * LINE_CUT ? raw.slice(0, 4 * LINE_CUT) : raw;
    const text = plain(head);
    this.#settle(source, index, Boolean(line.open));
    let flags = source;
    if (line.open) flags |= OPEN;
    if (isFailure(text)) {
      flags |= FAILURE;
      // Lines of one failure follow each other.
      const goesOn = index > 0 && this.has(index - 1, FAILURE) && !this.has(index - 1, SUPERSEDED);
      if (!goesOn) this.failures.push(index);
    }
    if (line.phase && line.phase !== this.lastPhase) {
      if (this.lastPhase === null) {
        this.firstPhase = line.phase;
        this.firstPhaseAt = index;
      } else if ((this.#heads += 1) <= MOST_HEADS) {
        flags |= PHASE_HEAD;
      }
      this.lastPhase = line.phase;
      this.phases.push({ index, id: line.id, time: lineTime(line), name: line.phase });
    }
    const mark = readMark(head, text);
    if (mark) this.marks.push({ ...mark, index, id: line.id, time: lineTime(line) });
    this.flags[index] = flags;
    this.widths[index] = Math.min(65_535, cells(text.length > LINE_CUT ? text.slice(0, LINE_CUT) : text));
  }

  /**
   * An open line ends when the next one of its source comes.
   * @param {number} source @param {number} index @param {boolean} isOpen
   */
  #settle(source, index, isOpen) {
    if (this.openEnds[source] >= 0) this.supersede(this.openEnds[source]);
    this.openEnds[source] = isOpen ? index : -1;
    this.sources |= 1 << source;
  }

  #grow() {
    const size = Math.min(BLOCK_LINES, this.flags.length * 4);
    const flags = new Uint8Array(size);
    flags.set(this.flags);
    const widths = new Uint16Array(size);
    widths.set(this.widths);
    this.flags = flags;
    this.widths = widths;
  }
}

/** @param {Line} line */
function lineTime(line) {
  const ts = parseTime(line.ts);
  return Number.isNaN(ts) ? idTime(line.id) : ts;
}
