// The search box: it looks for a text in what is in memory at once, and asks the server for the rest. Patterns it leaves to the
// server, from the window on first.

import { BEFORE_ALL, compareIds, idBefore } from "../client/ids.js";
import { searchAll } from "../client/search-all.js";
import { Block, SUPERSEDED } from "../model/block.js";
import { MOST_MATCHES, Matches } from "../model/matches.js";
import { plain } from "../text/ansi.js";
import { finder } from "../text/matcher.js";
import { element, iconButton, setText } from "./dom.js";
import { itemOf } from "./rows.js";

/** After the last key. */
const DEBOUNCE_MS = 120;
/** Searching in memory may hold the page for this long at a time. */
const TURN_MS = 8;
/** How long the lines from the window on are searched here before the server is asked for all of them. */
const NEAR_MS = 100;
/** After the last key of a pattern. Each is a search of the server. */
const PATTERN_DEBOUNCE_MS = 300;
/** How often the server is asked for matches of a pattern in lines that have come since. */
const NEW_LINES_MS = 1000;

/** @typedef {import("../text/matcher.js").Query & {regex: boolean}} Query */

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
  /**
   * What is looked for; `null` if nothing is.
   * @type {Query | null}
   */
  #query = null;
  /**
   * Finds a text. A pattern is found by the server only.
   * @type {((text: string) => Array<[number, number]>) | null}
   */
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
  /** How far the server has looked for a pattern; empty while it has not come to the end of the log. */
  #scannedTo = "";
  #newLinesTimer = 0;
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
    this.#stop();
    this.#query = this.#find = null;
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
    if (this.#query?.regex) this.#searchNewLines(this.#query, this.#run.signal);
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
    const { current } = this.matches;
    const marks = highlights();
    for (const row of /** @type {HTMLCollectionOf<HTMLElement>} */ (rows.children)) {
      const spans = this.#spansIn(row);
      const isCurrent = current !== null && row.dataset.id === current;
      const body = row.querySelector(".text");
      const ranges = spans && marks && body ? rangesIn(body, spans) : [];
      row.classList.toggle("current", isCurrent);
      row.classList.toggle("matched", spans !== null && ranges.length === 0);
      for (const range of ranges) {
        this.#painted.push(range);
        marks?.[isCurrent ? "now" : "match"].add(range);
      }
    }
  }

  /** Where a row has something that is looked for; `null` if it has nothing. Empty if nobody can say where.
   * @param {HTMLElement} row
   */
  #spansIn(row) {
    const text = itemOf(row)?.text ?? "";
    if (!this.#find) return this.matches.spansOf(row.dataset.id ?? "", text);
    const spans = this.#find(text);
    return spans.length > 0 ? spans : null;
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
    this.#timer = setTimeout(() => this.#start(), isOn(this.#regex) ? PATTERN_DEBOUNCE_MS : DEBOUNCE_MS);
  }

  #stop() {
    this.#run.abort();
    this.#run = new AbortController();
    this.matches = new Matches();
    this.#seen = null;
    this.#scannedTo = "";
    clearTimeout(this.#newLinesTimer);
    this.#newLinesTimer = 0;
  }

  #start() {
    this.#stop();
    const query = { text: this.#input.value, regex: isOn(this.#regex), matchCase: isOn(this.#case) };
    this.#query = query.text === "" ? null : query;
    this.#find = query.text === "" || query.regex ? null : finder(query);
    if (query.text === "") setText(this.#words, "");
    else if (query.regex) void this.#searchPattern(query, this.#run.signal);
    else void this.#searchAll(query, this.#run.signal);
    this.#listener.paint();
  }

  /** From the window on, then from the start to the window.
   * @param {Query} query @param {AbortSignal} signal
   */
  async #searchPattern(query, signal) {
    this.#show();
    await this.#listener.opened();
    if (signal.aborted) return;
    const here = this.#listener.here() ?? BEFORE_ALL;
    let state = await this.#searchServer(query, signal, { after: idBefore(here) });
    if (state === "done" && here !== BEFORE_ALL) state = await this.#searchServer(query, signal, { before: here });
    if (signal.aborted) return;
    this.matches.state = state;
    this.#show();
    this.#listener.paint();
  }

  /** Looks for a pattern in lines that have come since the server was at the end of the log.
   * @param {Query} query @param {AbortSignal} signal
   */
  #searchNewLines(query, signal) {
    const { matches } = this;
    if (this.#scannedTo === "" || this.#newLinesTimer !== 0 || matches.state === "limited") return;
    this.#newLinesTimer = setTimeout(async () => {
      const state = await this.#searchServer(query, signal, { after: this.#scannedTo });
      if (signal.aborted) return;
      if (state === "limited") matches.state = state;
      this.#newLinesTimer = 0;
      this.#show();
      this.#listener.paint();
      if (compareIds(this.#session.log.lastId || BEFORE_ALL, this.#scannedTo) > 0) this.#searchNewLines(query, signal);
    }, NEW_LINES_MS);
  }

  /** @param {Query} query @param {AbortSignal} signal */
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
    const isComplete = isWhole && isNearDone && (await this.#searchMemory(pieces.slice(0, from), signal, Infinity));
    if (signal.aborted) return;
    const state = isComplete ? "done" : await this.#searchServer(query, signal);
    if (signal.aborted) return;
    this.matches.state = state;
    if (state === "failed") await this.#searchMemory(pieces, signal, Infinity);
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

  /** What came of it.
   * @param {Query} query @param {AbortSignal} signal @param {{after?: string, before?: string}} [part] of the log
   * @returns {Promise<Matches["state"]>}
   */
  async #searchServer(query, signal, part = {}) {
    const { after, before } = part;
    const { matches } = this;
    try {
      for await (const event of searchAll({ ...this.#session.options, ...query, after, signal })) {
        if (signal.aborted) return "searching";
        const at = "match" in event ? event.match.id : "end" in event ? event.end.scanned_to : event.progress.scanned_to;
        if (before !== undefined && compareIds(at, before) >= 0) return "done";
        if ("match" in event) matches.addFound(event.match);
        else if ("end" in event && before === undefined) this.#scannedTo = at;
        this.#goFirst();
        this.#show();
        if (matches.ids.length >= MOST_MATCHES) return "limited";
      }
      return "done";
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : "The search failed";
      return "failed";
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
    if (!this.#query) return;
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
