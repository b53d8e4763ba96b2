// Keeps the groups of a log in step with it, and closes and opens them.

/** Groups are read again at most this often while lines come. */
const PAUSE_MS = 250;
/** And they may take this part of the time: a log can have a hundred thousand. */
const PART = 0.1;

export class Structure {
  /**
   * @param {import("../model/log.js").Log} log @param {import("../model/groups.js").Groups} groups
   * @param {import("./view.js").View} view @param {() => void} changed
   */
  constructor(log, groups, view, changed) {
    this.#log = log;
    this.#groups = groups;
    this.#view = view;
    this.#changed = changed;
  }

  #log;
  #groups;
  #view;
  #changed;
  #seen = -1;
  /** When they may be read again. */
  #next = 0;
  #timer = 0;

  stop() {
    clearTimeout(this.#timer);
  }

  /** Lines have come. */
  appended() {
    this.#groups.hideNew(this.#log);
    this.later();
  }

  /** Reads the groups again soon, if they may have changed. */
  later() {
    if (this.#seen === this.#log.structure || this.#timer !== 0) return;
    this.#timer = setTimeout(() => this.read(), Math.max(0, this.#next - performance.now()));
  }

  read() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#seen = this.#log.structure;
    const start = performance.now();
    this.#groups.read(this.#log);
    // Headings and numbers may be others, also without a group.
    this.#show();
    this.#changed();
    const end = performance.now();
    this.#next = end + Math.max(PAUSE_MS, (end - start) / PART);
  }

  /** Nothing more comes: no group closes any longer under the reader.
   * @param {boolean} hasEnded whether the job has
   */
  keep(hasEnded) {
    this.#groups.keep(hasEnded ? this.#log.lastTime : NaN);
    this.read();
  }

  /** Opens or closes a group. Returns whether it is open now.
   * @param {string} key
   */
  toggle(key) {
    const group = this.#groups.byKey.get(key);
    if (!group) return true;
    this.#groups.choose(group, !this.#groups.isOpen(group));
    this.#show();
    return this.#groups.isOpen(group);
  }

  /** @param {boolean} open */
  toggleAll(open) {
    this.#groups.chooseAll(open);
    this.#show();
  }

  /** Opens what hides a line.
   * @param {import("../model/log.js").Place} place
   */
  reveal(place) {
    if (this.#groups.reveal(place)) this.#show();
  }

  #show() {
    this.#view.keepPlace(() => this.#groups.hide(this.#log));
    this.#view.schedule(true);
  }
}
