// What is read aloud: the state at once, new lines as a number and at most every ten seconds. Reading every line aloud
// would drown everything else; the plain-text page is for that.

import { element } from "./dom.js";

const PAUSE_MS = 10_000;

export class Announcer {
  element = element("div", { class: "sr", role: "status" });
  #lines = 0;
  #timer = 0;

  /** @param {string} words */
  say(words) {
    this.element.textContent = words;
  }

  /** @param {number} lines */
  appended(lines) {
    this.#lines += lines;
    if (this.#timer === 0 && this.#lines > 0) this.#timer = setTimeout(() => this.#tell(), PAUSE_MS);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  #tell() {
    this.#timer = 0;
    this.say(this.#lines === 1 ? "1 new line" : `${this.#lines} new lines`);
    this.#lines = 0;
  }
}
