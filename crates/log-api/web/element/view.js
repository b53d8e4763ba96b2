// The window over a log: which rows are mounted, where they are, and what stays in place when the log changes.
//
// The offset is the truth: pixels from the first row of the log to the top of the window. The scroll bar follows it.

import { Block, SUPERSEDED } from "../model/block.js";
import { Hole } from "../model/pieces.js";
import { CAP, barHeight, barOf, clamp, moved } from "../model/scroll.js";
import { element } from "./dom.js";
import { RowMaker, itemOf } from "./rows.js";
import { rowOfNode, selectionOf } from "./selection.js";

/** @typedef {import("../model/log.js").Place} Place */
/** @typedef {import("../model/log.js").Piece} Piece */

/** The height of a row, in CSS pixels. The stylesheet has the same. */
export const ROW = 20;
const OVERSCAN = 6;
/** Never more, whatever the height of the window. */
const MOST_ROWS = 110;
/** Space for the eye under the last line. */
const FOOT = 12;
/** How close to the end is the end. */
const AT_END = ROW;

/**
 * @typedef {object} ViewListener
 * @property {(hole: Hole, side: "after" | "before") => void} hole a hole is in the window
 * @property {(block: Block) => void} unloaded a block in the window has no texts
 * @property {() => void} rendered
 * @property {() => void} scrolled the reader has moved
 */

export class View {
  /**
   * @param {import("../model/log.js").Log} log @param {import("../model/groups.js").Groups} groups
   * @param {import("./rows.js").Look} look @param {ViewListener} listener
   */
  constructor(log, groups, look, listener) {
    this.#log = log;
    this.#maker = new RowMaker(log, groups);
    this.look = look;
    this.#listener = listener;
    this.rows = element("div", { class: "rows" });
    this.#spacer = element("div", { class: "spacer" });
    this.scroller = element("div", { class: "scroller", tabindex: 0, role: "log", "aria-live": "off", "aria-label": "Log" }, this.#spacer, this.rows);
    this.scroller.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    new ResizeObserver(() => this.#onResize()).observe(this.scroller);
  }

  /** Whether the window stays at the end while lines arrive. */
  following = true;
  wrap = false;
  /** The width of the margin, in CSS pixels. */
  margin = 64;
  offset = 0;
  #log;
  #maker;
  #listener;
  #spacer;
  /** The bar as we have set it: a move from there is the reader's. */
  #bar = 0;
  #height = 0;
  #total = 0;
  #cell = 7.5;
  #frame = 0;
  #stale = false;
  /** @type {Map<Piece, Map<number, HTMLElement>>} */
  #mounted = new Map();

  /** Draws soon, once. With `stale`, rows that are mounted are made anew. */
  schedule(stale = false) {
    this.#stale ||= stale;
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.render());
  }

  /** Changes the log, and keeps the first line of the window where it is.
   * @template T @param {() => T} change @returns {T}
   */
  keepPlace(change) {
    const anchor = this.following ? null : this.#anchor();
    const result = change();
    if (anchor) {
      // A line that is no longer wrapped has fewer rows: the window stays at that line, and goes to no other.
      const height = this.#log.lineRows(anchor.block, anchor.index) * ROW;
      // A line that has become shorter keeps its last row in sight.
      const into = anchor.into < height ? anchor.into : Math.max(0, height - ROW);
      this.offset = this.#log.rowOf(anchor.block, anchor.index) * ROW + into;
    }
    this.schedule();
    return result;
  }

  /** Shows a line, at a part of the window from its top.
   * @param {Place} place @param {number} [part]
   */
  show(place, part = 0.3) {
    this.following = false;
    const top = this.#log.rowOf(place.block, place.index) * ROW;
    this.offset = top - Math.floor((this.#height * part) / ROW) * ROW;
    this.render();
  }

  /** Shows a line, and moves no further than is needed. It stays there: no new lines and no other height push it away.
   * @param {Place} place
   */
  reveal(place) {
    this.following = false;
    const top = this.#log.rowOf(place.block, place.index) * ROW;
    if (top < this.offset || top > this.offset + this.#height - 3 * ROW) this.show(place, 0.5);
    else this.schedule(true);
  }

  toStart() {
    this.following = false;
    this.offset = 0;
    this.render();
    this.#listener.scrolled();
  }

  toEnd() {
    this.following = true;
    this.render();
    this.#listener.scrolled();
  }

  /** @param {number} rows */
  move(rows) {
    this.#moveTo(this.offset + rows * ROW);
  }

  /** @param {number} views */
  movePages(views) {
    this.#moveTo(this.offset + views * (this.#height - 2 * ROW));
  }

  get isAtEnd() {
    return this.offset >= this.#total - this.#height - AT_END;
  }

  /** The first line that can be seen. */
  get firstPlace() {
    return this.#anchor();
  }

  /** The last line that can be seen.
   * @returns {Place | null}
   */
  get lastPlace() {
    const at = this.#log.at(Math.max(0, Math.floor((this.offset + this.#height - 1) / ROW)));
    if (at && at.piece instanceof Block) return { block: at.piece, index: at.index };
    return this.#lastLine();
  }

  /** @param {boolean} wrap */
  setWrap(wrap) {
    this.wrap = wrap;
    this.rows.classList.toggle("wrap", wrap);
    this.keepPlace(() => this.#measure());
    this.schedule(true);
  }

  /** The width of the margin has changed. */
  relayout() {
    this.keepPlace(() => this.#measure());
    this.schedule(true);
  }

  render() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#height === 0) return;
    if (this.#stale) this.#unmountAll();
    this.#stale = false;
    for (let turn = 0; turn < 3; turn += 1) if (!this.#draw()) break;
    this.#listener.rendered();
  }

  /** Mounts what is in the window. Returns whether a height was wrong and has been corrected. */
  #draw() {
    const log = this.#log;
    this.#total = log.rows * ROW + (log.rows > 0 ? FOOT : 0);
    if (this.following) this.offset = this.#total - this.#height;
    this.offset = clamp(this.offset, this.#total, this.#height);
    this.#setBar();
    const first = log.at(Math.max(0, Math.floor(this.offset / ROW) - OVERSCAN));
    const items = first ? this.#itemsFrom(first) : [];
    this.#mount(items);
    const top = (first ? first.row * ROW : 0) - this.offset + this.#bar;
    this.rows.style.transform = `translateY(${top}px)`;
    if (!this.wrap && log.widest > 0) this.rows.style.minWidth = `max(100%, calc(var(--margin) + ${log.widest * this.#cell + 32}px))`;
    else this.rows.style.minWidth = "";
    this.#ask(items);
    return this.#correct(items);
  }

  /** @param {{piece: Piece, index: number, row: number}} first */
  #itemsFrom(first) {
    const log = this.#log;
    const end = this.offset + this.#height + OVERSCAN * ROW;
    /** @type {Array<{piece: Piece, index: number}>} */
    const items = [];
    let row = first.row;
    /** @type {Piece | undefined} */
    let piece = first.piece;
    let index = first.index;
    while (piece && row * ROW < end && items.length < MOST_ROWS) {
      if (piece instanceof Block) {
        for (; index < piece.count && row * ROW < end && items.length < MOST_ROWS; index += 1) {
          const rows = log.lineRows(piece, index);
          if (rows === 0) continue;
          items.push({ piece, index });
          row += rows;
        }
      } else {
        items.push({ piece, index: 0 });
        row += piece.rows;
      }
      piece = log.pieces[piece.order + 1];
      index = 0;
    }
    return items;
  }

  /** @param {Array<{piece: Piece, index: number}>} items */
  #mount(items) {
    /** @type {Map<Piece, Map<number, HTMLElement>>} */
    const next = new Map();
    const keep = this.#selectedRows();
    /** @type {HTMLElement[]} */
    const wanted = [];
    for (const item of items) {
      let row = this.#mounted.get(item.piece)?.get(item.index);
      if (row && item.piece instanceof Block && (this.#isOutdated(row, item.piece))) row = undefined;
      row ??= this.#maker.make(item, this.look);
      row.classList.remove("pinned");
      row.style.height = this.wrap && item.piece instanceof Block ? "" : `${this.#rowsOf(item) * ROW}px`;
      let ofPiece = next.get(item.piece);
      if (!ofPiece) next.set(item.piece, (ofPiece = new Map()));
      ofPiece.set(item.index, row);
      wanted.push(row);
    }
    this.#mounted = next;
    const inWindow = new Set(wanted);
    const [above, below] = this.#pinned(keep.filter((row) => !inWindow.has(row)), items);
    this.#reconcile([...above, ...wanted, ...below]);
  }

  /** Rows that leave go, and the others are put in order with as few moves as can be.
   * @param {HTMLElement[]} rows
   */
  #reconcile(rows) {
    const wanted = new Set(rows);
    for (const row of [...this.rows.children]) if (!wanted.has(/** @type {HTMLElement} */ (row))) row.remove();
    let at = this.rows.firstElementChild;
    for (const row of rows) {
      if (row === at) at = at.nextElementSibling;
      else this.rows.insertBefore(row, at);
    }
  }

  /** A row whose texts have come since it was made.
   * @param {HTMLElement} row @param {Block} block
   */
  #isOutdated(row, block) {
    return row.classList.contains("unloaded") && block.isLoaded;
  }

  /** Rows that hold the ends of the selection stay, out of sight: without them the selection would be lost. */
  #selectedRows() {
    const selection = selectionOf(this.rows.getRootNode());
    // A mere click counts: with Shift, the next one selects from here.
    if (!selection) return [];
    const rows = [selection.anchorNode, selection.focusNode].map((node) => rowOfNode(node, this.rows));
    return /** @type {HTMLElement[]} */ ([...new Set(rows)].filter(Boolean));
  }

  /** @param {HTMLElement[]} rows @param {Array<{piece: Piece, index: number}>} items */
  #pinned(rows, items) {
    /** @type {HTMLElement[][]} */
    const [above, below] = [[], []];
    for (const row of rows) {
      const item = itemOf(row);
      const first = items[0];
      if (!item || !first) continue;
      row.classList.add("pinned");
      const isAbove = item.piece.order < first.piece.order || (item.piece === first.piece && item.index < first.index);
      (isAbove ? above : below).push(row);
    }
    return [above, below];
  }

  #unmountAll() {
    const keep = new Set(this.#selectedRows());
    for (const [piece, rows] of this.#mounted) {
      for (const [index, row] of rows) if (!keep.has(row)) rows.delete(index);
      if (rows.size === 0) this.#mounted.delete(piece);
    }
  }

  /** Wrapped rows are as high as the browser makes them; the log is told where it differs.
   * @param {Array<{piece: Piece, index: number}>} items
   */
  #correct(items) {
    if (!this.wrap && !items.some((item) => item.piece instanceof Block && item.piece.whole)) return false;
    let changed = false;
    for (const item of items) {
      if (!(item.piece instanceof Block)) continue;
      const row = this.#mounted.get(item.piece)?.get(item.index);
      if (!row || row.classList.contains("unloaded")) continue;
      const rows = Math.round(row.offsetHeight / ROW);
      const expected = this.#log.lineRows(item.piece, item.index);
      if (rows === expected || rows === 0) continue;
      const text = this.#log.textRows(item.piece, item.index);
      this.#log.correct(item.piece, item.index, text + rows - expected);
      changed = true;
    }
    return changed;
  }

  /** Tells of what is in the window and not there.
   * @param {Array<{piece: Piece, index: number}>} items
   */
  #ask(items) {
    const asked = new Set();
    for (const { piece } of items) {
      if (asked.has(piece)) continue;
      asked.add(piece);
      if (piece instanceof Hole) {
        const middle = this.#log.rowOf(piece, 0) * ROW - this.offset > this.#height / 2;
        this.#listener.hole(piece, middle && piece.after !== null ? "after" : "before");
      } else if (piece instanceof Block && !piece.isLoaded) {
        this.#listener.unloaded(piece);
      }
    }
  }

  /** @param {{piece: Piece, index: number}} item */
  #rowsOf({ piece, index }) {
    return piece instanceof Block ? this.#log.lineRows(piece, index) : piece.rows;
  }

  #setBar() {
    const height = `${barHeight(this.#total)}px`;
    if (this.#spacer.style.height !== height) this.#spacer.style.height = height;
    const bar = barOf(this.offset, this.#total, this.#height);
    // A scaled bar lags behind small moves; it is put right only where it would run out of way.
    const isFree = this.#total > CAP && Math.abs(bar - this.scroller.scrollTop) < this.#height && !this.following;
    if (!isFree && Math.abs(this.scroller.scrollTop - bar) >= 1) this.scroller.scrollTop = bar;
    this.#bar = this.scroller.scrollTop;
  }

  #onScroll() {
    const bar = this.scroller.scrollTop;
    if (Math.abs(bar - this.#bar) < 1) return;
    this.offset = moved(this.offset, this.#bar, bar, this.#total, this.#height);
    this.#bar = bar;
    this.#moved();
  }

  /** @param {number} offset */
  #moveTo(offset) {
    this.offset = clamp(offset, this.#total, this.#height);
    this.#moved();
  }

  #moved() {
    this.following = this.isAtEnd;
    this.render();
    this.#listener.scrolled();
  }

  #onResize() {
    const height = this.scroller.clientHeight;
    if (height === 0) return;
    this.keepPlace(() => {
      this.#height = height;
      this.#measure();
    });
    this.render();
  }

  /** The width of a cell, and how many cells a row has. */
  #measure() {
    const probe = element("span", { class: "probe" }, "0".repeat(100));
    this.rows.append(probe);
    this.#cell = probe.getBoundingClientRect().width / 100 || 7.5;
    probe.remove();
    this.rows.style.setProperty("--margin", `${this.margin}px`);
    const columns = Math.floor((this.scroller.clientWidth - this.margin - 20) / this.#cell);
    const used = Math.max(20, columns);
    this.rows.style.setProperty("--columns", `${(used * this.#cell + 0.5).toFixed(2)}px`);
    this.#log.setColumns(this.wrap ? used : 0);
  }

  /** @returns {(Place & {into: number}) | null} */
  #anchor() {
    const at = this.#log.at(Math.floor(this.offset / ROW));
    if (!at) return null;
    const into = this.offset - at.row * ROW;
    if (at.piece instanceof Block) return { block: at.piece, index: at.index, into };
    for (let piece = this.#log.pieces[at.piece.order + 1]; piece; piece = this.#log.pieces[piece.order + 1]) {
      if (!(piece instanceof Block)) continue;
      const index = this.#firstShown(piece);
      if (index >= 0) return { block: piece, index, into: this.offset - this.#log.rowOf(piece, index) * ROW };
    }
    return null;
  }

  /** @param {Block} block */
  #firstShown(block) {
    for (let index = 0; index < block.count; index += 1) if (!block.has(index, SUPERSEDED)) return index;
    return -1;
  }

  /** @returns {Place | null} */
  #lastLine() {
    for (let at = this.#log.pieces.length - 1; at >= 0; at -= 1) {
      const piece = this.#log.pieces[at];
      if (piece instanceof Block && piece.count > 0) return { block: piece, index: piece.count - 1 };
    }
    return null;
  }
}
