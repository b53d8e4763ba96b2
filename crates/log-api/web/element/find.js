// The search box: it looks through what is in memory at once, and asks the server for the rest.

import { searchAll } from "../client/search-all.js";
import { Block, SUPERSEDED } from "../model/block.js";
import { MOST_MATCHES, Matches } from "../model/matches.js";
import { plain } from "../text/ansi.js";
import { compile } from "../text/matcher.js";
import { element, iconButton, setText } from "./dom.js";
import { itemOf } from "./rows.js";

/** After the last key. */
const DEBOUNCE_MS = 120;
/** Searching in memory may hold the page for this long at a time. */
const TURN_MS = 8;
/** How long the lines from the window on are searched here before the server is asked for all of them. */
const NEAR_MS = 100;

/**
 * @typedef {object} FindListener
 * @property {(id: string) => void} go shows a line
 * @property {() => void} paint the rows have to be painted anew
 * @property {() => string | null} here the first line in the window
 * @property {() => Promise<unknown>} opened until then, nothing can be found
 * @property {() => void} closed
 */

export class Find {
  /** @param {import("../model/session.js").Session} session @param {FindListener} listener */
  constructor(session, listener) {
    this.#session = session;
    this.#listener = listener;
    this.#input = element("input", { type: "search", placeholder: "Search the whole log", "aria-label": "Search the whole log",
      spellcheck: "false", autocomplete: "off", maxlength: 512, oninput: () => this.#changed() });
    this.#words = element("span", { class: "words", role: "status" });
    this.#case = toggle("Aa", "Match case", () => this.#changed());
    this.#regex = toggle(".*", "Pattern (regular expression)", () => this.#changed());
    this.element = element("div", { class: "find", role: "search", hidden: true, onkeydown: (/** @type {KeyboardEvent} */ event) => this.#onKey(event) },
      this.#input, this.#case, this.#regex, this.#words,
      iconButton("up", "Previous match (Shift+Enter)", () => this.step(-1)),
      iconButton("down", "Next match (Enter)", () => this.step(1)),
      element("span", { class: "hint" }, "Ctrl+F again: the browser's own search"),
      iconButton("close", "Close (Esc)", () => this.close()));
  }

  matches = new Matches();
  #session;
  #listener;
  #input;
  #words;
  #case;
  #regex;
  /** @type {((text: string) => Array<[number, number]>) | null} */
  #find = null;
  /** Of the present search only. */
  #run = new AbortController();
  #timer = 0;
  /** Why the server could not search. */
  #failure = "";
  /**
   * The last line that is looked at by the present search; later ones are looked at when they come.
   * @type {{block: Block | null, index: number} | null}
   */
  #seen = null;
  /** @type {Range[]} */
  #painted = [];

  get isOpen() {
    return !this.element.hidden;
  }

  get hasFocus() {
    return this.#input.matches(":focus");
  }

  open() {
    this.element.hidden = false;
    this.#input.focus();
    this.#input.select();
  }

  close() {
    clearTimeout(this.#timer);
    if (!this.isOpen) return;
    this.element.hidden = true;
    this.#run.abort();
    this.#find = null;
    this.matches = new Matches();
    this.#unpaint();
    this.#listener.closed();
    this.#listener.paint();
  }

  /** @param {string} text */
  search(text) {
    this.open();
    this.#input.value = text;
    this.#start();
  }

  /** @param {1 | -1} step */
  step(step) {
    const id = this.matches.step(step);
    this.#show();
    if (id) this.#listener.go(id);
  }

  /** Looks through lines that have come since. */
  appended() {
    const seen = this.#seen;
    if (!seen || !this.isOpen) return;
    const { pieces } = this.#session.log;
    for (let order = seen.block?.order ?? 0; order < pieces.length; order += 1) {
      const piece = pieces[order];
      if (piece instanceof Block) this.#look(piece, piece === seen.block ? seen.index + 1 : 0);
    }
    this.#seen = tailOf(pieces);
    this.#show();
  }

  /** Marks the matches in mounted rows, without a change to their elements.
   * @param {HTMLElement} rows
   */
  paint(rows) {
    this.#unpaint();
    if (!this.#find || !this.isOpen) {
      for (const row of rows.querySelectorAll(".matched, .current")) row.classList.remove("matched", "current");
      return;
    }
    const current = this.matches.current;
    const marks = highlights();
    for (const row of /** @type {HTMLCollectionOf<HTMLElement>} */ (rows.children)) {
      const spans = this.#find(itemOf(row)?.text ?? "");
      const isCurrent = row.dataset.id === current;
      row.classList.toggle("current", isCurrent);
      row.classList.toggle("matched", !marks && spans.length > 0);
      const body = row.querySelector(".text");
      if (spans.length === 0 || !body || !marks) continue;
      for (const range of rangesIn(body, spans)) {
        this.#painted.push(range);
        marks[isCurrent ? "now" : "match"].add(range);
      }
    }
  }

  #unpaint() {
    const all = highlights();
    for (const range of this.#painted) {
      all?.match.delete(range);
      all?.now.delete(range);
    }
    this.#painted = [];
  }

  #changed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#start(), DEBOUNCE_MS);
  }

  #start() {
    this.#run.abort();
    this.#run = new AbortController();
    this.matches = new Matches();
    this.#seen = null;
    const query = { text: this.#input.value, regex: isOn(this.#regex), matchCase: isOn(this.#case) };
    const compiled = compile(query);
    this.#find = query.text === "" || "wrong" in compiled ? null : compiled.find;
    if (query.text === "") setText(this.#words, "");
    else if ("wrong" in compiled) setText(this.#words, compiled.wrong);
    else void this.#searchAll(query, this.#run.signal);
    this.#listener.paint();
  }

  /** @param {import("../text/matcher.js").Query} query @param {AbortSignal} signal */
  async #searchAll(query, signal) {
    this.#show();
    await this.#listener.opened();
    if (signal.aborted) return;
    const pieces = [...this.#session.log.pieces];
    this.#seen = tailOf(pieces);
    const here = this.#session.log.find(this.#listener.here() ?? "0-0");
    const from = here && "place" in here ? here.place.block.order : 0;
    const isWhole = pieces.every((piece) => piece.kind === "gap" || (piece instanceof Block && piece.isLoaded));
    // As a browser does: from the window on, then from the start. What is not whole here, the server has sooner.
    const isNearDone = await this.#searchMemory(pieces.slice(from), signal, isWhole ? Infinity : NEAR_MS);
    let isComplete = isWhole && isNearDone && (await this.#searchMemory(pieces.slice(0, from), signal, Infinity));
    if (signal.aborted) return;
    if (isComplete) this.matches.state = "done";
    else isComplete = await this.#searchServer(query, signal);
    if (!isComplete && !signal.aborted) await this.#searchMemory(pieces, signal, Infinity);
    if (signal.aborted) return;
    this.#show();
    this.#listener.paint();
  }

  /** Returns whether it has looked at all lines. Lines that come meanwhile can take the texts of others out of the memory.
   * @param {import("../model/log.js").Piece[]} pieces @param {AbortSignal} signal @param {number} mostMs
   */
  async #searchMemory(pieces, signal, mostMs) {
    let turn = performance.now();
    const end = turn + mostMs;
    let isWhole = true;
    for (const piece of pieces) {
      if (piece instanceof Block && !this.#look(piece, 0)) isWhole = false;
      this.#goFirst();
      if (performance.now() - turn < TURN_MS) continue;
      this.#show();
      await new Promise((resolve) => setTimeout(resolve));
      turn = performance.now();
      if (signal.aborted || turn > end) return false;
    }
    return isWhole;
  }

  /** Returns whether it has found all.
   * @param {import("../text/matcher.js").Query} query @param {AbortSignal} signal
   */
  async #searchServer({ text, regex, matchCase }, signal) {
    const { matches } = this;
    try {
      for await (const event of searchAll({ ...this.#session.options, text, regex, matchCase, signal })) {
        if (signal.aborted) return false;
        if ("match" in event) matches.add(event.match.id);
        this.#goFirst();
        this.#show();
        if (matches.ids.length < MOST_MATCHES) continue;
        matches.state = "limited";
        return true;
      }
      matches.state = "done";
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      matches.state = "failed";
      this.#failure = error instanceof Error ? error.message : "The search failed";
      return false;
    }
  }

  /** Returns `false` where the texts are not there.
   * @param {Block} block @param {number} from
   */
  #look(block, from) {
    if (!this.#find || !block.isLoaded) return false;
    for (let index = from; index < block.count && this.matches.ids.length < MOST_MATCHES; index += 1) {
      if (block.has(index, SUPERSEDED)) continue;
      if (this.#find(plain(block.text(index) ?? "")).length > 0) this.matches.add(block.id(index));
    }
    return true;
  }

  /** Goes to the first match from the window on, once. */
  #goFirst() {
    if (this.matches.at >= 0 || this.matches.ids.length === 0) return;
    const id = this.matches.goNear(this.#listener.here() ?? "0-0");
    if (id) this.#listener.go(id);
  }

  #show() {
    if (!this.#find) return;
    const hasFailed = this.matches.state === "failed" && this.matches.ids.length === 0;
    setText(this.#words, hasFailed ? this.#failure : this.matches.words);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter" || event.key === "F3") this.step(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** The last line; no block where there is none.
 * @param {import("../model/log.js").Piece[]} pieces @returns {{block: Block | null, index: number}}
 */
function tailOf(pieces) {
  for (let at = pieces.length - 1; at >= 0; at -= 1) {
    const block = pieces[at];
    if (block instanceof Block) return { block, index: block.count - 1 };
  }
  return { block: null, index: -1 };
}

/** @param {string} text @param {string} label @param {() => void} changed */
function toggle(text, label, changed) {
  const button = element("button", { type: "button", title: label, "aria-label": label, "aria-pressed": "false" }, text);
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(!isOn(button)));
    changed();
  });
  return button;
}

/** @param {Element} button */
function isOn(button) {
  return button.getAttribute("aria-pressed") === "true";
}

/** Parts of an element's text as ranges.
 * @param {Element} body @param {Array<[number, number]>} spans
 */
function rangesIn(body, spans) {
  /** @type {Range[]} */
  const ranges = [];
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  let node = walker.nextNode();
  let start = 0;
  for (const [from, to] of spans) {
    const range = document.createRange();
    let length = node?.nodeValue?.length ?? 0;
    while (node && start + length <= from) {
      start += length;
      node = walker.nextNode();
      length = node?.nodeValue?.length ?? 0;
    }
    if (!node) break;
    range.setStart(node, from - start);
    while (node && start + length < to) {
      start += length;
      node = walker.nextNode();
      length = node?.nodeValue?.length ?? 0;
    }
    if (!node) break;
    range.setEnd(node, to - start);
    ranges.push(range);
  }
  return ranges;
}

/** @type {{match: Highlight, now: Highlight} | null} */
let shared = null;

/** The highlights of the page, which all logs on it share. A browser without them marks rows only. */
function highlights() {
  if (typeof Highlight === "undefined" || !CSS.highlights) return null;
  if (!shared) {
    shared = { match: new Highlight(), now: new Highlight() };
    shared.now.priority = 1;
    CSS.highlights.set("job-log-match", shared.match).set("job-log-now", shared.now);
  }
  return shared;
}
