// Copying and downloading: from the log and not from the page, which has only the rows in its window.

import { address, request } from "../client/request.js";
import { Block } from "../model/block.js";
import { MOST_COPIED, blocksBetween, lineCount, selectedPart, textOf } from "./selection.js";
import { element } from "./dom.js";

/** @typedef {import("./selection.js").End} End */

export class Copier {
  /** @param {import("../model/session.js").Session} session @param {import("./view.js").View} view @param {(words: string) => void} say */
  constructor(session, view, say) {
    this.#session = session;
    this.#view = view;
    this.#say = say;
  }

  #session;
  #view;
  #say;
  #all = false;
  /**
   * The ends of the selection that stands for the whole log, once the browser has told them.
   * @type {Array<Node | null> | null}
   */
  #ends = null;

  /** Selects the whole log: what is not mounted too. */
  selectAll() {
    const selection = getSelection();
    selection?.selectAllChildren(this.#view.rows);
    this.#all = true;
    this.#ends = null;
    this.#view.rows.classList.add("all");
  }

  /** @param {Selection | null} selection */
  selectionChanged(selection) {
    if (!this.#all) return;
    const ends = [selection?.anchorNode ?? null, selection?.focusNode ?? null];
    this.#ends ??= ends;
    // Whoever selects by hand no longer means the whole log.
    if (selection && !selection.isCollapsed && ends.every((end, at) => end === this.#ends?.[at])) return;
    this.#all = false;
    this.#view.rows.classList.remove("all");
  }

  /** @param {ClipboardEvent} event */
  onCopy(event) {
    const part = this.#part();
    if (!part) return;
    event.preventDefault();
    if (lineCount(this.#session.log, part.from, part.to) > 2 * MOST_COPIED) {
      this.#say(`More than ${MOST_COPIED.toLocaleString("en")} lines: download them instead.`);
      return;
    }
    const blocks = blocksBetween(this.#session.log, part.from, part.to);
    if (blocks.every((block) => block.isLoaded)) {
      event.clipboardData?.setData("text/plain", textOf(this.#session.log, part.from, part.to));
    } else {
      void this.#copyLater(part);
    }
  }

  /** @param {(time: number) => string} clock */
  async copyWithTimes(clock) {
    const part = this.#part();
    if (!part) {
      this.#say("Select some lines first.");
      return;
    }
    const prefix = (/** @type {Block} */ block, /** @type {number} */ index) => `${clock(block.time(index))}  `;
    await this.#load(part);
    await this.write(textOf(this.#session.log, part.from, part.to, prefix), "The lines are copied, with times.");
  }

  /** @param {string} text @param {string} words */
  async write(text, words) {
    try {
      await navigator.clipboard.writeText(text);
      this.#say(words);
    } catch {
      this.#say(`The browser does not let this page copy: ${text.slice(0, 200)}`);
    }
  }

  /** @param {"text" | "ndjson"} format */
  async download(format) {
    const { options } = this.#session;
    const name = `${options.job}.${format === "text" ? "log" : "ndjson"}`;
    // The cookie goes with a link, which the browser saves without holding it in memory.
    if (!options.getToken) {
      save(address(options, "/download", { format }), name);
      return;
    }
    try {
      this.#say("The log is being fetched…");
      const answer = await request(options, "/download", { format }, { signal: options.signal });
      const link = URL.createObjectURL(await answer.blob());
      save(link, name);
      setTimeout(() => URL.revokeObjectURL(link), 60_000);
    } catch (error) {
      this.#say(error instanceof Error ? `The download failed: ${error.message}.` : "The download failed.");
    }
  }

  /** @returns {{from: End, to: End} | null} */
  #part() {
    if (!this.#all) return selectedPart(this.#view.rows);
    const blocks = /** @type {Block[]} */ (this.#session.log.pieces.filter((piece) => piece instanceof Block));
    const [first, last] = [blocks[0], blocks[blocks.length - 1]];
    if (!first || !last) return null;
    return { from: { block: first, index: 0, offset: 0 }, to: { block: last, index: last.count - 1, offset: Infinity } };
  }

  /** @param {{from: End, to: End}} part */
  async #copyLater(part) {
    this.#say("Fetching the lines to copy…");
    await this.#load(part);
    await this.write(textOf(this.#session.log, part.from, part.to), "The lines are copied.");
  }

  /** @param {{from: End, to: End}} part */
  async #load({ from, to }) {
    for (const block of blocksBetween(this.#session.log, from, to)) await this.#session.reload(block);
  }
}

/** @param {string} href @param {string} name */
function save(href, name) {
  element("a", { href, download: name }).click();
}
