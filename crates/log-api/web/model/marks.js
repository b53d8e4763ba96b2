// The marks by which tools divide a log into groups: GitHub's, GitLab's, Buildkite's and Travis's.

/**
 * `open` begins a group, `close` ends the innermost one (of this name, if it has one), `section` ends the last section and
 * begins another, `reveal` opens the group it is in. `annotation` is a line with a marker of its own.
 * @typedef {object} Mark
 * @property {"open" | "close" | "section" | "reveal"} kind
 * @property {string} title
 * @property {string} name
 * @property {boolean} collapsed whether it is closed until somebody opens it
 */

const GITHUB = /^(?:::|##\[)(group|endgroup)(?:\]|::)(.*)$/;
const GITLAB = /^section_(start|end):(\d+):([\w.-]+)(\[collapsed=true\])?\r/;
const BUILDKITE = /^(---|\+\+\+|~~~)\s+(.*)$/;
const BUILDKITE_REVEAL = /^\^\^\^ \+\+\+\s*$/;
const TRAVIS = /^travis_fold:(start|end):([\w.-]+)/;

/** Almost every line is none of them, and this says so at once. */
const HINT = /^(?:::|##\[|section_|---|\+\+\+|~~~|\^\^\^|travis_)/;

/** @param {string} raw the line as it came @param {string} text without control sequences @returns {Mark | null} */
export function readMark(raw, text) {
  const start = raw.charCodeAt(0) === 0x1b || raw.charCodeAt(0) === 0x0d ? raw.replace(/^(?:\x1b\[[0-9;]*[mK]|\r)+/, "") : raw;
  if (!HINT.test(start)) return null;
  return github(start) ?? gitlab(start, text) ?? buildkite(text) ?? travis(start, text);
}

/**
 * What to show for the first line of a group.
 * @param {string} text without control sequences
 */
export function markTitle(text) {
  const github = GITHUB.exec(text);
  if (github) return github[2].trim();
  return BUILDKITE.exec(text)?.[2] ?? text;
}

/** @param {string} line @returns {Mark | null} */
function github(line) {
  const found = GITHUB.exec(line);
  if (!found) return null;
  return found[1] === "group" ? mark("open", found[2].trim() || "Group", "", true) : mark("close");
}

/** @param {string} line @param {string} text @returns {Mark | null} */
function gitlab(line, text) {
  const found = GITLAB.exec(line);
  if (!found) return null;
  const [, which, , name, collapsed] = found;
  return which === "start" ? mark("open", text.trim() || name, name, Boolean(collapsed)) : mark("close", "", name);
}

/** @param {string} text @returns {Mark | null} */
function buildkite(text) {
  if (BUILDKITE_REVEAL.test(text)) return mark("reveal");
  const found = BUILDKITE.exec(text);
  // `--- a/file` and `+++ b/file` are the head of a diff, `---- name ----` one of a test.
  if (!found || /^[ab]\/|^\/dev\/null|^FAIL:|^PASS:|^SKIP:/.test(found[2])) return null;
  return mark("section", found[2], "", found[1] !== "+++");
}

/** @param {string} line @param {string} text @returns {Mark | null} */
function travis(line, text) {
  const found = TRAVIS.exec(line);
  if (!found) return null;
  const title = text.startsWith("travis_fold") ? found[2] : text.trim() || found[2];
  return found[1] === "start" ? mark("open", title, found[2], true) : mark("close", "", found[2]);
}

/** @param {Mark["kind"]} kind @param {string} [title] @param {string} [name] @param {boolean} [collapsed] @returns {Mark} */
function mark(kind, title = "", name = "", collapsed = false) {
  return { kind, title, name, collapsed };
}
