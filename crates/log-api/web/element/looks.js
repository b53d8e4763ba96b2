// How the log looks: theme, wrapping, times and numbers in the margin. The reader's choices are remembered.

import { TIME_MODES, marginWidth } from "../model/times.js";
import { NARROW, loadPreferences, savePreferences } from "./preferences.js";
import { hasForcedColours, themeOf } from "./theme.js";

/** A digit of the margin, in CSS pixels, and the space around the digits. */
const DIGIT = 7.6;
const MARGIN_SPACE = 24;
const LEAST_MARGIN = 14;

const NEXT_THEME = /** @type {const} */ ({ auto: "light", light: "dark", dark: "auto" });

export class Looks {
  /** @param {HTMLElement} host @param {(id: string) => boolean} isTarget */
  constructor(host, isTarget) {
    this.#host = host;
    this.#isTarget = isTarget;
  }

  /** When the job began, for the times in the margin. */
  start = NaN;
  #host;
  #isTarget;
  #preferences = loadPreferences();
  /** @type {import("./view.js").View | null} */
  #view = null;
  /** @type {import("./head.js").Head | null} */
  #head = null;

  get numbers() {
    return this.#preferences.numbers;
  }

  get theme() {
    return this.#preferences.theme;
  }

  /** @returns {import("./rows.js").Look} */
  get look() {
    const { theme, numbers, times } = this.#preferences;
    const choice = theme === "auto" ? this.#host.getAttribute("theme") : theme;
    return { theme: themeOf(choice), forced: hasForcedColours(), numbers, times, start: this.start, isTarget: this.#isTarget };
  }

  /** @param {import("./view.js").View} view @param {import("./head.js").Head} head */
  attach(view, head) {
    this.#view = view;
    this.#head = head;
    const { wrap } = this.#preferences;
    view.setWrap(wrap ?? this.#host.clientWidth < NARROW);
    this.show(0);
  }

  /** Shows everything anew.
   * @param {number} lines so many numbers there are
   */
  show(lines) {
    if (!this.#view) return;
    this.#view.look = this.look;
    this.#host.dataset.theme = this.#view.look.theme.name;
    this.#head?.showLook(this.#view.wrap, this.#preferences.times);
    this.showMargin(lines);
    this.#view.schedule(true);
  }

  /** @param {number} lines */
  showMargin(lines) {
    const { numbers, times } = this.#preferences;
    const digits = numbers ? Math.max(3, String(lines).length) : 0;
    const time = marginWidth(times);
    const between = time > 0 && digits > 0 ? 1 : 0;
    const width = Math.max(LEAST_MARGIN, Math.ceil((digits + time + between) * DIGIT) + MARGIN_SPACE);
    if (!this.#view || this.#view.margin === width) return;
    this.#view.margin = width;
    this.#view.relayout();
  }

  toggleWrap() {
    if (!this.#view) return;
    this.#view.setWrap(!this.#view.wrap);
    this.#remember({ wrap: this.#view.wrap });
    this.#head?.showLook(this.#view.wrap, this.#preferences.times);
  }

  nextTimes() {
    this.#remember({ times: TIME_MODES[(TIME_MODES.indexOf(this.#preferences.times) + 1) % TIME_MODES.length] });
  }

  toggleNumbers() {
    this.#remember({ numbers: !this.numbers });
  }

  nextTheme() {
    this.#remember({ theme: NEXT_THEME[this.theme] });
  }

  /** @param {Partial<import("./preferences.js").Preferences>} change */
  #remember(change) {
    Object.assign(this.#preferences, change);
    savePreferences(this.#preferences);
  }
}
