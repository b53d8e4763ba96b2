// Copying and downloading: from the log and not from the page, which has only the rows in its window.

import { address, request } from "../client/request.js";
import { MOST_COPIED, blocksBetween, holeBetween, lineCount, selectedPart, textsOf, wholeOf } from "./selection.js";
import { element } from "./dom.js";

/** @typedef {import("./selection.js").Part} Part */
/** @typedef {import("../model/block.js").Block} Block */

const TOO_MUCH = `More than ${MOST_COPIED.toLocaleString("en")} lines: download them instead.`;

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
    const { log } = this.#session;
    const blocks = blocksBetween(log, part);
    if (this.#isTooMuch(part)) this.#say(TOO_MUCH);
    else if (blocks.every((block) => block.isLoaded) && !holeBetween(log, part, this.#all)) {
      event.clipboardData?.setData("text/plain", blocks.flatMap((block) => textsOf(block, part)).join("\n"));
    } else void this.#copy("The lines are copied");
  }

  /** @param {(time: number) => string} clock */
  async copyWithTimes(clock) {
    if (this.#part()) await this.#copy("The lines are copied, with times", (block, index) => `${clock(block.time(index))}  `);
    else this.#say("Select some lines first.");
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

  /** @returns {Part | null} */
  #part() {
    return this.#all ? wholeOf(this.#session.log) : selectedPart(this.#view.rows);
  }

  /** @param {Part} part */
  #isTooMuch(part) {
    return lineCount(this.#session.log, part) > MOST_COPIED;
  }

  /** Copies lines of which some may have to be fetched. Says so if not all of them can be had.
   * @param {string} words @param {(block: Block, index: number) => string} [prefix]
   */
  async #copy(words, prefix) {
    const { log, fetcher } = this.#session;
    const [isAll, selected] = [this.#all, this.#part()];
    const part = () => (isAll ? wholeOf(log) : selected);
    this.#say("Fetching the lines to copy…");
    /** @type {string[]} */
    const texts = [];
    let missing = 0;
    try {
      for (let hole = holeBetween(log, part(), isAll); hole; hole = holeBetween(log, part(), isAll)) {
        await fetcher.fetchPage(hole, "before");
        if (this.#isTooMuch(/** @type {Part} */ (part()))) return this.#say(TOO_MUCH);
      }
      const all = /** @type {Part} */ (part());
      for (const block of blocksBetween(log, all)) {
        await fetcher.load(block);
        // Of a block that is not loaded now, lines were trimmed meanwhile.
        if (block.isLoaded) texts.push(...textsOf(block, all, prefix));
        else missing += block.shown;
      }
    } catch (error) {
      return this.#say(`Nothing is copied: the lines could not be fetched. ${error instanceof Error ? error.message : ""}`);
    } finally {
      fetcher.freeMemory();
    }
    const lost = missing > 0 ? `, but for ${missing.toLocaleString("en")} that are no longer kept` : "";
    return this.write(texts.join("\n"), `${words}${lost}.`);
  }
}

/** @param {string} href @param {string} name */
function save(href, name) {
  element("a", { href, download: name }).click();
}
