// One line as elements: its text with styles, links and marks. Its rows are counted elsewhere.

import { render } from "../text/ansi.js";
import { shownColours } from "../text/colour.js";
import { hiddenMarks, withoutHidden } from "../text/hidden.js";
import { hiddenTarget, linksOf } from "../text/links.js";
import { element } from "./dom.js";

/** @typedef {import("../text/ansi.js").Rendered} Rendered */

/** Parts of one line that are elements; what is behind them is shown without colours. A line can have a part a character. */
const MOST_PARTS = 2000;

/**
 * A longer text has an element for each part of this length. Where scripts alternate in a text node (`"é日x",` and so on), Chromium
 * needs a time that grows with the square of its length: more than half a minute for 900,000 characters, and 2 s for them in parts.
 */
const LONGEST_NODE = 10_000;

/**
 * Fills an element with a line.
 * @param {HTMLElement} parent @param {string} raw
 * @param {{theme: import("./theme.js").Theme, cut: number, forced: boolean}} how
 * @returns {{text: string, length: number}} the text that is shown, and how long the whole is
 */
export function fillLine(parent, raw, { theme, cut, forced }) {
  const rendered = render(raw);
  const { text: whole } = rendered;
  const text = whole.length > cut ? whole.slice(0, isHigh(whole, cut - 1) ? cut - 1 : cut) : whole;
  const links = linksOf(text, rendered.links);
  const marks = hiddenMarks(text, MOST_PARTS + 1);
  const styles = rendered.styles.slice(0, MOST_PARTS + 1);
  if (styles.length === 0 && links.length === 0 && marks.length === 0) {
    parent.replaceChildren(...nodesOf(text));
    return { text, length: whole.length };
  }
  parent.replaceChildren(...parts(text, styles, links, marks, forced ? null : theme));
  return { text, length: whole.length };
}

/** Whether a character has its second half behind this place.
 * @param {string} text @param {number} at
 */
function isHigh(text, at) {
  return /[\ud800-\udbff]/.test(text.charAt(at));
}

/**
 * @param {string} text
 * @param {Rendered["styles"]} styles @param {Rendered["links"]} links @param {import("../text/hidden.js").Mark[]} marks
 * @param {import("./theme.js").Theme | null} theme
 */
function parts(text, styles, links, marks, theme) {
  const edges = new Set([0, text.length]);
  for (const span of [...styles, ...links]) edges.add(span.start).add(Math.min(span.end, text.length));
  for (const { at, length } of marks) edges.add(at).add(at + length);
  const places = [...edges].filter((place) => place <= text.length).sort((a, b) => a - b);
  const rest = places.length > MOST_PARTS ? withoutHidden(text.slice(places[MOST_PARTS])) : "";
  places.length = Math.min(places.length, MOST_PARTS + 1);
  /** @type {Array<Node | string>} */
  const nodes = [];
  /** @type {{href: string, node: HTMLElement} | null} */
  let link = null;
  let [style, target, mark] = [0, 0, 0];
  for (let at = 0; at + 1 < places.length; at += 1) {
    const [start, end] = [places[at], places[at + 1]];
    while (style < styles.length && styles[style].end <= start) style += 1;
    while (target < links.length && links[target].end <= start) target += 1;
    while (mark < marks.length && marks[mark].at < start) mark += 1;
    const span = styles[style]?.start <= start ? styles[style] : undefined;
    const node = piece(text.slice(start, end), span?.style, marks[mark]?.at === start ? marks[mark] : undefined, theme);
    const found = links[target]?.start <= start ? links[target] : undefined;
    if (!found) {
      link = null;
      nodes.push(...(typeof node === "string" ? nodesOf(node) : [node]));
      continue;
    }
    if (!link || start === found.start) {
      link = { href: found.href, node: linkTo(found.href, text.slice(found.start, found.end)) };
      nodes.push(link.node);
    }
    link.node.append(node);
  }
  nodes.push(...nodesOf(rest));
  return nodes;
}

/** A text as nodes of a bearable length.
 * @param {string} text @returns {Array<Node | string>}
 */
function nodesOf(text) {
  if (text.length <= LONGEST_NODE) return text === "" ? [] : [text];
  const nodes = [];
  for (let at = 0, end = 0; at < text.length; at = end) {
    end = Math.min(text.length, at + LONGEST_NODE);
    if (isHigh(text, end - 1)) end += 1;
    nodes.push(element("span", {}, text.slice(at, end)));
  }
  return nodes;
}

/** @param {string} href @param {string} text */
function linkTo(href, text) {
  const host = hiddenTarget(text, href);
  return element("a", { href, target: "_blank", rel: "noopener noreferrer nofollow ugc", title: host && `Leads to ${host}` });
}

/**
 * @param {string} text @param {import("../text/ansi.js").Style | undefined} style
 * @param {import("../text/hidden.js").Mark | undefined} mark @param {import("./theme.js").Theme | null} theme
 * @returns {Node | string}
 */
function piece(text, style, mark, theme) {
  if (!style && !mark) return text;
  const span = element("span");
  span.replaceChildren(...nodesOf(mark ? withoutHidden(text) : text));
  if (mark) {
    span.className = "mark";
    span.dataset.name = mark.name;
    span.title = `A character that is not seen: ${mark.name}`;
  }
  if (style) applyStyle(span, style, theme);
  return span;
}

/** @param {HTMLElement} span @param {import("../text/ansi.js").Style} style @param {import("./theme.js").Theme | null} theme */
function applyStyle(span, style, theme) {
  const set = span.style;
  if (theme) {
    const { fg, bg } = shownColours(style, theme);
    // What a tool hides (SGR 8) is shown: a log hides nothing.
    if (fg) set.color = fg;
    if (bg) set.backgroundColor = bg;
  }
  if (style.bold) set.fontWeight = "600";
  if (style.italic) set.fontStyle = "italic";
  if (style.underline || style.strike) {
    set.textDecorationLine = [style.underline && "underline", style.strike && "line-through"].filter(Boolean).join(" ");
  }
}
