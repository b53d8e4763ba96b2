// The marks by which tools divide a log into groups: GitHub's, GitLab's, Buildkite's and Travis's.

import { plain } from "../text/ansi.js";

/**
 * `open` begins a group, `close` ends the innermost one (of this name, if it has one), `section` ends the last section and
 * begins another, `reveal` opens the group it is in. `annotation` is a line with a marker of its own.
 * @typedef {object} Mark
 * @property {"open" | "close" | "section" | "reveal"} kind
 * @property {string} title
 * @property {string} name
 * @property {boolean} collapsed whether it is closed until somebody opens it
 */

const GITHUB = /^(?:::(group|endgroup)::|##\[(group|endgroup)\])(.*)$/is;
/** GitLab's runner writes a CR behind the name; what stores lines may have taken it away. */
const GITLAB = /^section_(start|end):\d+:([\w.-]+)(?:\[([\w=,-]*)\])?(?:\r|\x1b\[0K|$)/;
const BUILDKITE = /^(---|\+\+\+|~~~)\s+(\S.*)$/s;
const BUILDKITE_REVEAL = /^\^\^\^ \+\+\+\s*$/;
const TRAVIS = /^travis_fold:(start|end):([\w.-]+)/;

/**
 * What looks like one of Buildkite's, and is the head of a diff (`--- a/file`, `--- file<tab>time`), the end of a test of Go, or
 * a heading (`--- stdout ---`).
 */
const NO_SECTION = /^[ab]\/|^\/dev\/null|^(?:FAIL|PASS|SKIP|BENCH):|\t\d{4}-\d\d-\d\d |\s-{3,}\s*$/;

/** Almost every line is none of them, and this says so at once. */
const HINT = /^(?:::|##\[|section_|---|\+\+\+|~~~|\^\^\^|travis_)/;

/** Colours, and what goes back to the start of the line, before a mark. */
const BEFORE = /^(?:\x1b\[[0-9;]*[mK]|\r)+/;

/** @param {string} raw the line as it came @param {string} text without control sequences @returns {Mark | null} */
export function readMark(raw, text) {
  const start = withoutStart(raw);
  if (!HINT.test(start)) return null;
  return github(start) ?? buildkite(text) ?? named(start);
}

/**
 * What to show for the first line of a group: its title, with its colours.
 * @param {string} raw the line as it came
 */
export function markTitle(raw) {
  const start = withoutStart(raw);
  const github = GITHUB.exec(start);
  if (github) return github[3].trim();
  const found = GITLAB.exec(start) ?? TRAVIS.exec(start);
  if (found) return titleBehind(start, found) === "" ? found[2] : start.slice(found[0].length);
  return BUILDKITE.exec(start)?.[2] ?? raw;
}

/** @param {string} raw */
function withoutStart(raw) {
  return raw.charCodeAt(0) === 0x1b || raw.charCodeAt(0) === 0x0d ? raw.replace(BEFORE, "") : raw;
}

/** @param {string} line @returns {Mark | null} */
function github(line) {
  const found = GITHUB.exec(line);
  if (!found) return null;
  const [, colons, brackets, title] = found;
  return (colons ?? brackets).toLowerCase() === "group" ? mark("open", plain(title).trim() || "Group", "", true) : mark("close");
}

/** @param {string} text @returns {Mark | null} */
function buildkite(text) {
  if (BUILDKITE_REVEAL.test(text)) return mark("reveal");
  const found = BUILDKITE.exec(text);
  if (!found || NO_SECTION.test(found[2])) return null;
  return mark("section", found[2].trim(), "", found[1] !== "+++");
}

/** The marks that name their group, which may be closed at first.
 * @param {string} line @returns {Mark | null}
 */
function named(line) {
  const gitlab = GITLAB.exec(line);
  const found = gitlab ?? TRAVIS.exec(line);
  if (!found) return null;
  const [, which, name, options = ""] = found;
  if (which === "end") return mark("close", "", name);
  return mark("open", titleBehind(line, found) || name, name, gitlab === null || options.split(",").includes("collapsed=true"));
}

/** @param {string} line @param {RegExpExecArray} found */
function titleBehind(line, found) {
  return plain(line.slice(found[0].length)).trim();
}

/** @param {Mark["kind"]} kind @param {string} [title] @param {string} [name] @param {boolean} [collapsed] @returns {Mark} */
function mark(kind, title = "", name = "", collapsed = false) {
  return { kind, title, name, collapsed };
}
