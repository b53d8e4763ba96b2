// The lines that are known, in order: blocks of lines, gaps that the server told of, and holes that are not fetched yet.
//
// It knows how many rows all of that takes, which row a line is in and which line is in a row. It knows no DOM.

import { compareIds } from "../client/ids.js";
import { BLOCK_LINES, Block, HIDDEN_FIRST, LINE_CUT, PHASE_HEAD, SOURCES, SUPERSEDED } from "./block.js";
import { Gap, Hole } from "./pieces.js";

/** @typedef {import("../client/index.js").Line} Line */
/** @typedef {{block: Block, index: number}} Place a line */

/** @typedef {Block | Hole | Gap} Piece */

/** What part of their memory is left to texts when some are given up. With less, what a page takes would go up and down. */
const KEPT_PART = 0.98;

export class Log {
  /** @type {Piece[]} */
  pieces = [];
  /** Cells of a row; 0 if lines are not wrapped. */
  columns = 0;
  /** Lines that are known, superseded ones left out. */
  lines = 0;
  /** Grows whenever a mark, a failure or a hole may have moved. */
  structure = 0;
  lastId = "";
  /** The widest line so far, in cells. */
  widest = 0;
  /** Nobody can say whether lines are missing before the first one: there are no numbers. */
  startIsUnknown = false;

  /** The first row of each piece, and the number of its first line. */
  #starts = [0];
  #numbers = [1];
  /** The pieces before this one have right starts. */
  #valid = 0;

  /**
   * Lines that come at the end. Those that are known already are left out.
   * @param {Line[]} lines
   */
  append(lines) {
    /** @type {Line[]} */
    const fresh = this.lastId === "" ? lines : lines.filter((line) => compareIds(line.id, this.lastId) > 0);
    let at = 0;
    while (at < fresh.length) {
      const block = this.#tail();
      const end = Math.min(fresh.length, at + BLOCK_LINES - block.count);
      const first = block.count;
      for (; at < end; at += 1) block.push(fresh[at]);
      this.lastId = block.lastId;
      this.#joined(block, first);
    }
    return fresh.length;
  }

  /** @param {string} after @param {string | null} first */
  addGap(after, first) {
    const gap = new Gap(after, first, "missing");
    if (after === "0-0" || this.pieces.length === 0 || compareIds(after, this.#firstId()) < 0) {
      if (!(this.pieces[0] instanceof Gap)) this.#insert(0, [gap], 0);
      return;
    }
    if (!(this.pieces[this.pieces.length - 1] instanceof Gap)) this.#insert(this.pieces.length, [gap], 0);
    // Where a log was written anew, its ids may begin anew.
    if (first === null || compareIds(first, this.lastId) <= 0) this.lastId = "";
  }

  /** Nothing is known any longer. */
  clear() {
    this.pieces = [];
    this.lines = this.widest = this.#valid = 0;
    this.#starts = [0];
    this.#numbers = [1];
    this.lastId = "";
    this.structure += 1;
  }

  /** There are older lines than the first one that is known. */
  addHoleBefore() {
    this.#insert(0, [new Hole(null, this.#firstId())], 0);
  }

  /**
   * Lines from within a hole. `above` is what is still unknown before them, `below` what is unknown behind them. Lines that
   * close a hole above have with them the line at its edge.
   * @param {Hole} hole @param {Line[]} lines @param {{above: boolean, below: boolean}} unknown
   */
  fill(hole, lines, unknown) {
    const { after, before: end } = hole;
    const fresh = after === null ? lines : lines.filter(({ id }) => compareIds(id, after) > 0);
    const inside = fresh.filter(({ id }) => compareIds(id, end) < 0);
    /** @type {Piece[]} */
    const pieces = [];
    for (let at = 0; at < inside.length; at += BLOCK_LINES) {
      const block = new Block();
      for (const line of inside.slice(at, at + BLOCK_LINES)) block.push(line);
      block.pack();
      pieces.push(block);
    }
    const added = pieces.length;
    const [first, last] = [inside[0]?.id ?? hole.before, inside[inside.length - 1]?.id ?? hole.after];
    // A page that went over the edge of the hole has closed it on that side.
    const reached = fresh.length < lines.length;
    if (unknown.above && !reached) pieces.unshift(new Hole(hole.after, first));
    // The line at the edge is gone, and with it maybe lines behind it.
    if (!unknown.above && !reached && after !== null) pieces.unshift(new Gap(after, inside[0]?.id ?? end, "trimmed"));
    if (unknown.below && inside.length === fresh.length && last !== null) pieces.push(new Hole(last, hole.before));
    this.#insert(hole.order, pieces, 1);
    for (const piece of pieces) if (piece instanceof Block) this.#joined(piece, 0);
    const next = this.pieces[hole.order + pieces.length];
    if (next instanceof Block) this.#joinPhases(next);
    const before = this.pieces[hole.order - 1];
    if (before instanceof Block) this.#settleOpen(before);
    return added;
  }

  /**
   * The texts of a block are there again, or some of its lines are gone.
   * @param {Block} block @param {Line[]} lines
   */
  reload(block, lines) {
    if (lines.length === block.count) {
      block.reload(lines);
      this.changed(block);
      return;
    }
    const [first, last] = [lines[0]?.id ?? block.lastId, lines[lines.length - 1]?.id ?? block.lastId];
    /** @type {Piece[]} */
    const pieces = [];
    // Lines go from the start of a log. Where that happens between two pages, those of the second are missing.
    const isEndGone = compareIds(last, block.lastId) < 0;
    const isStartGone = first !== block.firstId || !isEndGone;
    if (isStartGone && !(this.pieces[block.order - 1] instanceof Gap)) pieces.push(new Gap(block.firstId, first, "trimmed"));
    if (lines.length > 0) {
      const rest = new Block();
      for (const line of lines) rest.push(line);
      rest.pack();
      pieces.push(rest);
    }
    if (isEndGone && !(this.pieces[block.order + 1] instanceof Gap)) pieces.push(new Gap(last, block.lastId, "trimmed"));
    this.lines -= block.countedShown;
    this.#insert(block.order, pieces, 1);
    for (const piece of pieces) if (piece instanceof Block) this.#joined(piece, 0);
  }

  /**
   * Gives up texts that are far from a piece, until they take fewer bytes than this.
   * @param {number} budget @param {number} order
   */
  unload(budget, order) {
    const loaded = this.pieces.filter((piece) => piece instanceof Block && piece.isLoaded);
    let bytes = loaded.reduce((sum, piece) => sum + /** @type {Block} */ (piece).bytes, 0);
    if (bytes <= budget) return;
    // The newest stay: somebody who scrolled up goes back to them.
    const last = this.pieces.length - 1;
    const distance = (/** @type {Piece} */ piece) => Math.min(Math.abs(piece.order - order), 4 + last - piece.order);
    loaded.sort((a, b) => distance(b) - distance(a));
    for (const piece of loaded) {
      if (bytes <= budget * KEPT_PART) return;
      const block = /** @type {Block} */ (piece);
      if (!block.isFull && block.order === last) continue;
      bytes -= block.bytes;
      block.unload();
    }
  }

  /** All rows. */
  get rows() {
    this.#update(this.pieces.length);
    return this.#starts[this.pieces.length];
  }

  /**
   * The first row of a line.
   * @param {Piece} piece @param {number} index
   */
  rowOf(piece, index) {
    this.#update(piece.order + 1);
    let row = this.#starts[piece.order];
    if (piece instanceof Block) for (let at = 0; at < index; at += 1) row += this.lineRows(piece, at);
    return row;
  }

  /**
   * What is in a row; `null` behind the last one.
   * @param {number} row @returns {{piece: Piece, index: number, row: number} | null}
   */
  at(row) {
    if (row >= this.rows) return null;
    let [low, high] = [0, this.pieces.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle] <= row) low = middle;
      else high = middle - 1;
    }
    // Pieces without rows are passed over.
    while (low < this.pieces.length && this.pieces[low].rows === 0) low += 1;
    const piece = this.pieces[low];
    if (!piece) return null;
    let start = this.#starts[low];
    if (!(piece instanceof Block)) return { piece, index: 0, row: start };
    for (let index = 0; index < piece.count; index += 1) {
      const rows = this.lineRows(piece, index);
      if (rows > 0 && row < start + rows) return { piece, index, row: start };
      start += rows;
    }
    return this.at(this.#starts[low + 1]);
  }

  /**
   * The rows of one line.
   * @param {Block} block @param {number} index
   */
  lineRows(block, index) {
    const flags = block.flags(index);
    if (flags & SUPERSEDED) return 0;
    const head = flags & PHASE_HEAD ? 1 : 0;
    const hiding = block.hiding(index);
    if (hiding) return hiding === HIDDEN_FIRST ? head : 0;
    return head + this.textRows(block, index);
  }

  /** @param {Block} block @param {number} index */
  textRows(block, index) {
    const measured = block.measured?.get(index);
    if (measured !== undefined) return measured;
    if (this.columns === 0) return 1;
    return Math.max(1, Math.ceil(block.width(index) / this.columns));
  }

  /**
   * The number of a line; 0 where lines before it are not known.
   * @param {Block} block @param {number} index
   */
  number(block, index) {
    this.#update(block.order + 1);
    const first = this.#numbers[block.order];
    if (first === 0 || this.startIsUnknown) return 0;
    let number = first;
    for (let at = 0; at < index; at += 1) if (!block.has(at, SUPERSEDED)) number += 1;
    return number;
  }

  /**
   * Where an id is: its line, the hole it may be in, or the line after it.
   * @param {string} id
   * @returns {{place: Place, exact: boolean} | {hole: Hole} | null}
   */
  find(id) {
    for (const piece of this.pieces) {
      if (piece instanceof Hole && compareIds(id, piece.before) < 0 && (piece.after === null || compareIds(id, piece.after) > 0)) return { hole: piece };
      if (!(piece instanceof Block) || compareIds(id, piece.lastId) > 0) continue;
      const index = piece.isLoaded ? piece.indexOf(id, compareIds) : 0;
      return { place: { block: piece, index }, exact: piece.isLoaded && piece.id(index) === id };
    }
    return null;
  }

  /**
   * The next line in a direction that is shown.
   * @param {Place} place @param {1 | -1} step @returns {Place | null}
   */
  next({ block, index }, step) {
    /** @type {Piece | undefined} */
    let piece = block;
    let at = index + step;
    for (;;) {
      if (piece instanceof Block) {
        for (; at >= 0 && at < piece.count; at += step) if (this.lineRows(piece, at) > 0) return { block: piece, index: at };
      }
      piece = this.pieces[/** @type {Piece} */ (piece).order + step];
      if (!piece) return null;
      at = step > 0 ? 0 : piece instanceof Block ? piece.count - 1 : 0;
    }
  }

  /** The first hole, if any. */
  get hole() {
    return this.pieces.find((piece) => piece instanceof Hole);
  }

  /** When the last line was written, in milliseconds, or `NaN`. */
  get lastTime() {
    const last = this.pieces[this.pieces.length - 1];
    return last instanceof Block && last.count > 0 ? last.time(last.count - 1) : NaN;
  }

  /** @param {number} columns */
  setColumns(columns) {
    if (columns === this.columns) return;
    this.columns = columns;
    for (const piece of this.pieces) if (piece instanceof Block) piece.measured = null;
    this.recount();
  }

  /** Everything may have other heights. */
  recount() {
    for (const piece of this.pieces) if (piece instanceof Block) this.#count(piece);
    this.#valid = 0;
  }

  /**
   * A line has another height than it should have.
   * @param {Block} block @param {number} index @param {number} rows
   */
  correct(block, index, rows) {
    block.measured ??= new Map();
    block.measured.set(index, rows);
    this.changed(block);
  }

  /**
   * The heights of a block's lines have changed.
   * @param {Block} block
   */
  changed(block) {
    this.#count(block);
    this.#valid = Math.min(this.#valid, block.order);
  }

  #firstId() {
    const first = this.pieces.find((piece) => piece instanceof Block);
    return first instanceof Block ? first.firstId : "0-0";
  }

  #tail() {
    const last = this.pieces[this.pieces.length - 1];
    if (last instanceof Block && !last.isFull && last.isLoaded && !last.isPacked) return last;
    const block = new Block();
    this.#insert(this.pieces.length, [block], 0);
    return block;
  }

  /**
   * A block has new lines from this one on.
   * @param {Block} block @param {number} first
   */
  #joined(block, first) {
    if (first === 0) this.#joinPhases(block);
    else if (block.firstPhaseAt >= first) this.#joinPhases(block);
    this.#settleOpen(block);
    this.#settleBefore(block);
    for (let at = first; at < block.count; at += 1) this.widest = Math.max(this.widest, Math.min(block.width(at), LINE_CUT));
    const shown = block.shown;
    this.lines += shown - block.countedShown;
    block.countedShown = shown;
    const hasHead = block.phases.some(({ index }) => index >= first && block.has(index, PHASE_HEAD));
    if (block.marks.length > 0 || block.failureCount > 0 || hasHead) this.structure += 1;
    this.changed(block);
  }

  /** @param {Block} block */
  #joinPhases(block) {
    let before = null;
    for (let at = block.order - 1; at >= 0; at -= 1) {
      const piece = this.pieces[at];
      if (!(piece instanceof Block)) break;
      if (piece.lastPhase === null) continue;
      before = piece.lastPhase;
      break;
    }
    if (!block.joinPhase(before)) return;
    this.changed(block);
    this.structure += 1;
  }

  /**
   * The last line of a source may be open, and have come to its end in a later block.
   * @param {Block} block
   */
  #settleOpen(block) {
    SOURCES.forEach((_, source) => {
      const open = block.openEnds[source];
      if (open < 0) return;
      for (let at = block.order + 1; at < this.pieces.length; at += 1) {
        const piece = this.pieces[at];
        if (!(piece instanceof Block)) return;
        if ((piece.sources & (1 << source)) === 0) continue;
        this.#supersede(block, source);
        return;
      }
    });
  }

  /**
   * New lines may have ended open ones of earlier blocks.
   * @param {Block} block
   */
  #settleBefore(block) {
    SOURCES.forEach((_, source) => {
      if ((block.sources & (1 << source)) === 0) return;
      for (let at = block.order - 1; at >= 0; at -= 1) {
        const piece = this.pieces[at];
        if (!(piece instanceof Block)) return;
        if ((piece.sources & (1 << source)) === 0) continue;
        if (piece.openEnds[source] >= 0) this.#supersede(piece, source);
        return;
      }
    });
  }

  /** @param {Block} block @param {number} source */
  #supersede(block, source) {
    block.settle(source);
    this.lines += block.shown - block.countedShown;
    block.countedShown = block.shown;
    this.changed(block);
  }

  /** @param {number} at @param {Piece[]} pieces @param {number} removed */
  #insert(at, pieces, removed) {
    this.pieces.splice(at, removed, ...pieces);
    for (let order = at; order < this.pieces.length; order += 1) this.pieces[order].order = order;
    this.#valid = Math.min(this.#valid, at);
    // At the end, nothing moves.
    if (at + pieces.length < this.pieces.length || removed > 0) this.structure += 1;
  }

  /** @param {Block} block */
  #count(block) {
    let rows = 0;
    for (let index = 0; index < block.count; index += 1) rows += this.lineRows(block, index);
    block.rows = rows;
  }

  /**
   * Makes the starts of the pieces up to this one right.
   * @param {number} end
   */
  #update(end) {
    for (let at = this.#valid; at < end; at += 1) {
      const piece = this.pieces[at];
      this.#starts[at + 1] = this.#starts[at] + piece.rows;
      const number = this.#numbers[at];
      this.#numbers[at + 1] = piece instanceof Block && number > 0 ? number + piece.shown : 0;
    }
    this.#valid = Math.max(this.#valid, end);
    if (this.#starts.length > this.pieces.length + 1) {
      this.#starts.length = this.#numbers.length = this.pieces.length + 1;
    }
  }
}
