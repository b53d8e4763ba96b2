// What is selected in a log, and its text. Only the ends of a selection are mounted for sure, so the text is made from
// the log and not from the page.

import { Block, SUPERSEDED } from "../model/block.js";
import { Hole } from "../model/pieces.js";
import { plain } from "../text/ansi.js";
import { itemOf } from "./rows.js";

/** @typedef {import("../model/log.js").Log} Log */
/**
 * An end of a selection: the offset is in the text that its row shows, if that is known; Infinity is its end.
 * @typedef {{block: Block, index: number, offset: number, shown?: string}} End
 */
/** @typedef {{from: End, to: End}} Part */

/** More lines are for the download. */
export const MOST_COPIED = 50_000;

/**
 * The selection inside a shadow root. Chromium asks the root; other browsers ask the document.
 * @param {Node} root @returns {Selection | null}
 */
export function selectionOf(root) {
  const ask = /** @type {{getSelection?: () => Selection | null}} */ (/** @type {unknown} */ (root));
  return ask.getSelection ? ask.getSelection() : getSelection();
}

/** @param {Node | null} node @param {HTMLElement} rows @returns {HTMLElement | null} */
export function rowOfNode(node, rows) {
  let at = node;
  while (at && at.parentNode !== rows) at = at.parentNode;
  return at instanceof HTMLElement ? at : null;
}

/** The selected part of a log, in order.
 * @param {HTMLElement} rows @returns {Part | null}
 */
export function selectedPart(rows) {
  const selection = selectionOf(rows.getRootNode());
  if (!selection || selection.isCollapsed) return null;
  const anchor = endOf(selection.anchorNode, selection.anchorOffset, rows);
  const focus = endOf(selection.focusNode, selection.focusOffset, rows);
  if (!anchor || !focus) return null;
  const isForward = anchor.block.order - focus.block.order || anchor.index - focus.index || anchor.offset - focus.offset;
  return isForward <= 0 ? { from: anchor, to: focus } : { from: focus, to: anchor };
}

/** All that is known of a log.
 * @param {Log} log @returns {Part | null}
 */
export function wholeOf(log) {
  const blocks = log.pieces.filter((piece) => piece instanceof Block);
  const [first, last] = /** @type {Block[]} */ ([blocks[0], blocks[blocks.length - 1]]);
  if (!first || !last) return null;
  return { from: { block: first, index: 0, offset: 0 }, to: { block: last, index: last.count - 1, offset: Infinity } };
}

/** The blocks of a part.
 * @param {Log} log @param {Part} part
 */
export function blocksBetween(log, { from, to }) {
  const pieces = log.pieces.slice(from.block.order, to.block.order + 1);
  return /** @type {Block[]} */ (pieces.filter((piece) => piece instanceof Block));
}

/** The last hole in a part, if any; in the whole log, if it is all of it.
 * @param {Log} log @param {Part | null} part @param {boolean} isAll
 */
export function holeBetween(log, part, isAll) {
  const [first, last] = part && !isAll ? [part.from.block.order, part.to.block.order] : [0, log.pieces.length - 1];
  const holes = /** @type {Hole[]} */ (log.pieces.slice(first, last + 1).filter((piece) => piece instanceof Hole));
  return holes[holes.length - 1] ?? null;
}

/**
 * The texts of the lines of a part that are in one block, which must be loaded.
 * @param {Block} block @param {Part} part @param {(block: Block, index: number) => string} [prefix]
 */
export function textsOf(block, { from, to }, prefix = () => "") {
  /** @type {string[]} */
  const lines = [];
  const start = block === from.block ? from.index : 0;
  const end = block === to.block ? to.index : block.count - 1;
  for (let index = start; index <= end; index += 1) {
    if (block.has(index, SUPERSEDED)) continue;
    const first = block === from.block && index === from.index ? from : null;
    const last = block === to.block && index === to.index ? to : null;
    const selected = partOf(plain(block.text(index) ?? ""), first?.shown ?? last?.shown ?? "", first?.offset ?? 0, last?.offset ?? Infinity);
    lines.push(prefix(block, index) + selected);
  }
  return lines;
}

/** A part of a line. The first line of a group shows its title, of which a part can be selected; all of it stands for the line.
 * @param {string} text @param {string} shown @param {number} start @param {number} end
 */
function partOf(text, shown, start, end) {
  if (text.startsWith(shown)) return text.slice(start, end);
  return start === 0 && end >= shown.length ? text : shown.slice(start, end);
}

/** How many lines a part has.
 * @param {Log} log @param {Part} part
 */
export function lineCount(log, part) {
  return blocksBetween(log, part).reduce((sum, block) => sum + block.shown, 0);
}

/** @param {Node | null} node @param {number} offset @param {HTMLElement} rows @returns {End | null} */
function endOf(node, offset, rows) {
  const row = rowOfNode(node, rows);
  const item = row ? itemOf(row) : null;
  if (!row || !node || !item || !(item.piece instanceof Block)) return edgeOf(node, offset, rows);
  const text = row.querySelector(".text");
  if (!text || !text.contains(node)) {
    const isAfter = text !== null && Boolean(text.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING);
    return { block: item.piece, index: item.index, offset: isAfter || (node === row && offset > 1) ? Infinity : 0 };
  }
  const range = document.createRange();
  range.setStart(text, 0);
  range.setEnd(node, offset);
  return { block: item.piece, index: item.index, offset: range.toString().length, shown: item.text };
}

/** An end that is between rows, as a triple click leaves it.
 * @param {Node | null} node @param {number} offset @param {HTMLElement} rows @returns {End | null}
 */
function edgeOf(node, offset, rows) {
  if (node !== rows) return null;
  const row = rows.children[Math.min(offset, rows.children.length - 1)];
  const item = row ? itemOf(row) : null;
  if (!item || !(item.piece instanceof Block)) return null;
  return { block: item.piece, index: item.index, offset: offset >= rows.children.length ? Infinity : 0 };
}
