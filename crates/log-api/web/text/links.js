// Which links of a log are made links: only to web addresses, and never to one that hides where it leads.

/** Longer addresses are data and no links. */
const MAX_LENGTH = 2083;
/** More links in one line are text. */
const MOST_LINKS = 1000;

const PLAIN_URL = /\bhttps?:\/\/[^\s<>"'`{}|\\^\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/gi;

/**
 * The address, if a link to it is safe; else `null`.
 * @param {string} address
 */
export function safeHref(address) {
  if (address.length > MAX_LENGTH || /[\u0000-\u0020\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/.test(address)) return null;
  try {
    const url = new URL(address);
    const isWeb = url.protocol === "https:" || url.protocol === "http:";
    return isWeb && url.username === "" && url.password === "" ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * The addresses that stand in a text as they are.
 * @param {string} text @returns {import("./ansi.js").LinkSpan[]}
 */
export function findLinks(text) {
  /** @type {import("./ansi.js").LinkSpan[]} */
  const links = [];
  if (!text.includes("://")) return links;
  for (const found of text.matchAll(PLAIN_URL)) {
    if (links.length === MOST_LINKS) break;
    if (found[0].length > MAX_LENGTH) continue;
    const address = withoutTail(found[0]);
    const href = safeHref(address);
    const start = /** @type {number} */ (found.index);
    if (href) links.push({ start, end: start + address.length, href });
  }
  return links;
}

/**
 * Where a link leads, if its text does not say so.
 * @param {string} text @param {string} href
 */
export function hiddenTarget(text, href) {
  const shown = text.trim().replace(/\/$/, "");
  const target = href.replace(/\/$/, "");
  return shown === target || `https://${shown}` === target || `http://${shown}` === target ? null : new URL(href).host;
}

/**
 * The links that a tool has written, as far as they are safe, and the addresses in the text between them.
 * @param {string} text @param {import("./ansi.js").LinkSpan[]} written
 */
export function linksOf(text, written) {
  /** @type {import("./ansi.js").LinkSpan[]} */
  const given = [];
  for (const link of written) {
    if (link.start >= text.length || given.length === MOST_LINKS) break;
    const href = safeHref(link.href);
    if (href) given.push({ ...link, href });
  }
  const found = findLinks(text).filter((link) => !given.some((other) => link.start < other.end && other.start < link.end));
  return [...given, ...found].sort((a, b) => a.start - b.start);
}

/**
 * Without the punctuation of the sentence around it; a bracket stays if it was opened inside.
 * @param {string} address
 */
function withoutTail(address) {
  /** @type {Record<string, number>} */
  const surplus = { ")": count(address, ")") - count(address, "("), "]": count(address, "]") - count(address, "[") };
  let end = address.length;
  for (;;) {
    const last = address[end - 1];
    if (surplus[last] > 0) surplus[last] -= 1;
    else if (last === undefined || !".,;:!?*".includes(last)) return address.slice(0, end);
    end -= 1;
  }
}

/** @param {string} text @param {string} part */
function count(text, part) {
  return text.split(part).length - 1;
}
