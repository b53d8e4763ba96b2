// The head: what state the log is in, and the buttons.

import { shownName } from "../text/name.js";
import { element, iconButton, setText } from "./dom.js";

/** @typedef {{retry: () => void, failures: () => void, find: () => void, wrap: () => void, times: () => void, menu: () => void}} HeadActions */

const TIME_LABELS = { off: "Times: off", clock: "Times: clock", start: "Times: since the start", before: "Times: since the line before" };

export class Head {
  /** @param {HeadActions} actions */
  constructor(actions) {
    this.#word = element("span", { class: "word" });
    this.#job = element("span", { class: "job" });
    this.#detail = element("span", { class: "detail" });
    this.#again = element("button", { type: "button", class: "again", hidden: true, onclick: actions.retry }, "Try now");
    this.#count = element("button", { type: "button", class: "count", hidden: true, onclick: actions.failures });
    this.#wrap = iconButton("wrap", "Wrap lines (w)", actions.wrap);
    this.#times = iconButton("clock", TIME_LABELS.off, actions.times);
    this.menuButton = iconButton("more", "More", actions.menu);
    this.menuButton.setAttribute("aria-haspopup", "menu");
    this.menuButton.setAttribute("aria-expanded", "false");
    this.element = element("header", { part: "header" },
      element("span", { class: "state" }, element("span", { class: "dot" }), this.#word), this.#job, this.#detail, this.#again,
      element("span", { class: "tools" }, this.#count, iconButton("search", "Search (/)", actions.find), this.#wrap, this.#times, this.menuButton));
  }

  #word;
  #job;
  #detail;
  #again;
  #count;
  #wrap;
  #times;

  /** @param {import("../model/state.js").Shown} state @param {string} job */
  showState(state, job) {
    setText(this.#word, state.word);
    setText(this.#job, shownName(job));
    this.#job.title = job;
    setText(this.#detail, state.detail);
    this.#detail.title = state.detail;
    this.#again.hidden = !state.canRetry;
  }

  /** @param {number} failures */
  showFailures(failures) {
    this.#count.hidden = failures === 0;
    if (failures === 0) return;
    const words = failures === 1 ? "1 error" : `${failures.toLocaleString("en")} errors`;
    if (this.#count.textContent !== words) this.#count.replaceChildren(words);
    this.#count.title = "Go to the next error (n), the one before (p)";
  }

  /** @param {boolean} wrap @param {import("../model/times.js").TimeMode} times */
  showLook(wrap, times) {
    this.#wrap.setAttribute("aria-pressed", String(wrap));
    this.#times.setAttribute("aria-pressed", String(times !== "off"));
    this.#times.title = `${TIME_LABELS[times]} (t)`;
    this.#times.setAttribute("aria-label", TIME_LABELS[times]);
  }
}

/** The button that goes back to the end. */
export function newerButton(/** @type {() => void} */ press) {
  const words = element("span");
  const button = element("button", { type: "button", class: "newer", hidden: true, onclick: press }, words);
  return {
    element: button,
    /** @param {boolean} following @param {number} count @param {boolean} ended */
    show(following, count, ended) {
      button.hidden = following;
      const lines = count === 1 ? "1 new line" : `${count.toLocaleString("en")} new lines`;
      setText(words, count > 0 ? `↓ ${lines}` : ended ? "↓ To the end" : "↓ Follow");
    },
  };
}

