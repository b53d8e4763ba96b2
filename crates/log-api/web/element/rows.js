// The rows that are mounted: for each line, gap or hole in the window one element, in the order of the log.

import { Block, FAILURE, LINE_CUT, OPEN, PHASE_HEAD } from "../model/block.js";
import { gapWords } from "../model/gap-words.js";
import { markTitle } from "../model/marks.js";
import { durationWords, marginTime } from "../model/times.js";
import { element } from "./dom.js";
import { fillLine } from "./line.js";

/** @typedef {import("../model/log.js").Log} Log */
/** @typedef {import("../model/log.js").Piece} Piece */
/** @typedef {import("../model/groups.js").Group} Group */
/** @typedef {{piece: Piece, index: number}} Item */

/** A group that took less says nothing by it. */
const WORTH_MS = 100;

/**
 * How rows look.
 * @typedef {object} Look
 * @property {import("./theme.js").Theme} theme
 * @property {boolean} forced
 * @property {boolean} numbers
 * @property {import("../model/times.js").TimeMode} times
 * @property {number} start of the job, in milliseconds
 * @property {(id: string) => boolean} isTarget
 */

/**
 * What a mounted row shows.
 * @type {WeakMap<Element, Item & {text: string}>}
 */
const shown = new WeakMap();

/** @param {Element} row */
export function itemOf(row) {
  return shown.get(row) ?? null;
}

export class RowMaker {
  /** @param {Log} log @param {import("../model/groups.js").Groups} groups */
  constructor(log, groups) {
    this.#log = log;
    this.#groups = groups;
  }

  #log;
  #groups;

  /** A new element for a line, a gap or a hole.
   * @param {Item} item @param {Look} look
   */
  make(item, look) {
    const { piece, index } = item;
    const row = element("div", { class: "row" });
    let text = "";
    if (piece instanceof Block) text = this.#line(row, piece, index, look);
    else if (piece.kind === "gap") this.#gap(row, piece);
    else this.#hole(row, piece);
    shown.set(row, { ...item, text });
    return row;
  }

  /** @param {HTMLElement} row @param {Block} block @param {number} index @param {Look} look */
  #line(row, block, index, look) {
    const id = block.id(index);
    const raw = block.text(index);
    row.dataset.id = id;
    row.dataset.source = block.source(index);
    const mark = block.marks.length > 0 ? this.#groups.byKey.get(`mark:${id}`) ?? null : null;
    row.className = ["row", block.has(index, FAILURE) && "failure", block.has(index, OPEN) && "open", mark && "group",
      look.isTarget(id) && "target"].filter(Boolean).join(" ");
    if (block.has(index, PHASE_HEAD)) {
      const phase = this.#groups.byKey.get(`phase:${id}`);
      if (phase) row.append(this.#head(phase));
      if (phase && !this.#groups.isOpen(phase)) {
        row.classList.add("closed");
        return "";
      }
    }
    row.append(this.#gutter(block, index, id, look));
    const body = element("span", { class: "text", part: "text" });
    if (raw === null) {
      row.classList.add("unloaded");
      row.append(body);
      return "";
    }
    const cut = block.whole?.has(index) ? Infinity : LINE_CUT;
    if (block.whole?.has(index)) row.classList.add("whole");
    const { text, length } = fillLine(body, mark ? markTitle(raw) : raw, { theme: themeOn(row, look.theme), forced: look.forced, cut });
    if (mark) row.append(this.#toggle(mark));
    row.append(body);
    if (mark) row.append(this.#took(mark));
    if (length > text.length) row.append(showAll(length));
    return text;
  }

  /** @param {Block} block @param {number} index @param {string} id @param {Look} look */
  #gutter(block, index, id, look) {
    const gutter = element("a", { class: "gutter", href: `#${id}`, tabindex: -1, "aria-hidden": true });
    const number = look.numbers ? this.#log.number(block, index) : 0;
    if (number > 0) gutter.dataset.number = String(number);
    if (look.times !== "off") {
      const before = look.times === "before" ? this.#log.next({ block, index }, -1) : null;
      const time = block.time(index);
      gutter.dataset.time = marginTime(look.times, time, look.start, before ? before.block.time(before.index) : NaN);
      if (!Number.isNaN(time)) gutter.title = new Date(time).toISOString();
    }
    return gutter;
  }

  /** The heading of a phase, above its first line.
   * @param {Group} group
   */
  #head(group) {
    const head = this.#toggle(group);
    head.classList.add("head");
    head.append(element("span", { class: "title" }, group.title), this.#took(group));
    return head;
  }

  /** @param {Group} group */
  #toggle(group) {
    const open = this.#groups.isOpen(group);
    const button = element("button", { type: "button", class: "toggle", "aria-expanded": open, "data-group": group.key });
    button.setAttribute("aria-label", `${open ? "Close" : "Open"} ${group.title}`);
    if (group.failed) button.classList.add("failed");
    return button;
  }

  /** @param {Group} group */
  #took({ from, to }) {
    const took = to - from;
    return element("span", { class: "took" }, took >= WORTH_MS ? durationWords(took) : "");
  }

  /** @param {HTMLElement} row @param {import("../model/pieces.js").Gap} gap */
  #gap(row, gap) {
    row.className = "row gap";
    row.dataset.gap = gap.after;
    row.append(element("span", { class: "text", part: "text" }, gapWords(gap)));
  }

  /** @param {HTMLElement} row @param {import("../model/pieces.js").Hole} hole */
  #hole(row, hole) {
    row.className = "row hole";
    row.append(element("span", { class: "text", part: "text" }, hole.after === null ? "Loading earlier lines…" : "Loading the lines between…"));
  }
}

/** The theme on the paper of a row: colours must be readable there.
 * @param {HTMLElement} row @param {import("./theme.js").Theme} theme
 */
function themeOn(row, theme) {
  if (row.classList.contains("target")) return { ...theme, paper: theme.target };
  return row.classList.contains("failure") ? { ...theme, paper: theme.failure } : theme;
}

/** @param {number} length */
function showAll(length) {
  const size = length < 1e6 ? `${Math.round(length / 1000)} kB` : `${(length / 1e6).toFixed(1)} MB`;
  return element("button", { type: "button", class: "show-all" }, `Show all ${size}`);
}
