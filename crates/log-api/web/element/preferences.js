// What a reader has chosen about looks, remembered by the browser. Where it remembers nothing, the defaults hold.

const KEY = "job-log";
/** Below this width, in CSS pixels, lines are wrapped unless the reader chose otherwise. */
export const NARROW = 700;

/** @typedef {{wrap: boolean | null, numbers: boolean, times: import("../model/times.js").TimeMode, theme: "auto" | "light" | "dark"}} Preferences */

/** @returns {Preferences} */
export function loadPreferences() {
  /** @type {Preferences} */
  const defaults = { wrap: null, numbers: true, times: "off", theme: "auto" };
  try {
    return { ...defaults, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return defaults;
  }
}

/** @param {Preferences} preferences */
export function savePreferences(preferences) {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // A page without storage forgets.
  }
}
