// The menu of everything that has no button of its own, and the help for keys.

import { element } from "./dom.js";

/** @typedef {{label: string, key?: string, press: () => void} | "line"} Entry */

export class Menu {
  /** @param {HTMLElement} button @param {() => Entry[]} entries made anew each time */
  constructor(button, entries) {
    this.#button = button;
    this.#entries = entries;
    this.element = element("div", { class: "menu", role: "menu", hidden: true, onkeydown: (/** @type {KeyboardEvent} */ event) => this.#onKey(event) });
  }

  #button;
  #entries;

  get isOpen() {
    return !this.element.hidden;
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  open() {
    this.element.replaceChildren(...this.#entries().map((entry) => (entry === "line" ? element("hr") : this.#item(entry))));
    this.element.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    this.#items()[0]?.focus();
  }

  close() {
    if (!this.isOpen) return;
    this.hide();
    this.#button.focus();
  }

  /** Closes, and leaves the focus where it is. */
  hide() {
    this.element.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
  }

  /** @param {Exclude<Entry, "line">} entry */
  #item({ label, key, press }) {
    const run = () => {
      this.close();
      press();
    };
    return element("button", { type: "button", role: "menuitem", onclick: run }, label, key ? element("kbd", {}, key) : null);
  }

  #items() {
    return [...this.element.querySelectorAll("button")];
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const items = this.#items();
    const at = items.indexOf(/** @type {HTMLButtonElement} */ (event.target));
    if (event.key === "ArrowDown") items[(at + 1) % items.length]?.focus();
    else if (event.key === "ArrowUp") items[(at - 1 + items.length) % items.length]?.focus();
    else if (event.key === "Escape") this.close();
    else if (event.key === "Tab") return this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** @param {ReadonlyArray<readonly [string, string]>} keys */
export function helpDialog(keys) {
  const list = keys.flatMap(([key, what]) => [
    element("dt", {}, ...key.split(" ").map((part) => element("kbd", {}, part))),
    element("dd", {}, what),
  ]);
  const close = element("button", { type: "button", class: "again", autofocus: true }, "Close");
  const dialog = element("dialog", { "aria-label": "Keys" }, element("h2", {}, "Keys"), element("dl", {}, ...list), close);
  close.addEventListener("click", () => dialog.close());
  return dialog;
}
