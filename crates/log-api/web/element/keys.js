// Keys, while the focus is in the log. None with a modifier but the search, none while somebody types.

/** @typedef {keyof typeof ACTIONS} Action */

/** What each key does, and the help for it. */
const ACTIONS = {
  find: ["/ Ctrl+F", "Search; again for the browser's own search"],
  nextFailure: ["n", "Next error; while searching, next match"],
  previousFailure: ["p", "Error before; while searching, match before"],
  follow: ["f", "Follow the end, or stop"],
  start: ["g Home", "To the first line"],
  end: ["G End", "To the last line"],
  lineDown: ["j ↓", "One line down"],
  lineUp: ["k ↑", "One line up"],
  pageDown: ["Space PgDn", "One page down"],
  pageUp: ["b PgUp", "One page up"],
  wrap: ["w", "Wrap long lines, or not"],
  times: ["t", "Times: off, clock, since the start, since the line before"],
  closeGroups: ["[", "Close all groups"],
  openGroups: ["]", "Open all groups"],
  copyLink: ["y", "Copy a link to the line"],
  selectAll: ["Ctrl+A", "Select the whole log"],
  help: ["?", "This help"],
};

/** For the help. */
export const KEYS = /** @type {Array<[string, string]>} */ (Object.values(ACTIONS));

/** @type {Record<string, Action>} */
const PLAIN = {
  "/": "find", n: "nextFailure", p: "previousFailure", N: "previousFailure", f: "follow", g: "start", Home: "start", G: "end", End: "end",
  j: "lineDown", ArrowDown: "lineDown", k: "lineUp", ArrowUp: "lineUp", " ": "pageDown", PageDown: "pageDown", b: "pageUp",
  PageUp: "pageUp", w: "wrap", t: "times", "[": "closeGroups", "]": "openGroups", y: "copyLink", "?": "help",
};

/** @param {KeyboardEvent} event @returns {Action | null} */
export function actionOf(event) {
  const command = event.ctrlKey || event.metaKey;
  if (command && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "f") return "find";
  const target = /** @type {Element | null} */ (event.composedPath()[0]);
  if (target?.closest?.("input, textarea, select, dialog, [role=menu]")) return null;
  if (command && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "a") return "selectAll";
  if (command || event.altKey) return null;
  // Space and Enter press a button that has the focus.
  if (event.key === " " && target?.closest?.("button, a")) return null;
  return PLAIN[event.key] ?? null;
}
