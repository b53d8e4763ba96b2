// Which links of a log are made links: only to web addresses, and never to one that hides where it leads.

/** Longer addresses are data and no links. */
const MAX_LENGTH = 2083;

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
 * Without the punctuation of the sentence around it; a bracket stays if it was opened inside.
 * @param {string} address
 */
function withoutTail(address) {
  for (;;) {
    const last = address[address.length - 1];
    if (".,;:!?*".includes(last)) address = address.slice(0, -1);
    else if (last === ")" && count(address, ")") > count(address, "(")) address = address.slice(0, -1);
    else if (last === "]" && count(address, "]") > count(address, "[")) address = address.slice(0, -1);
    else return address;
  }
}

/** @param {string} text @param {string} part */
function count(text, part) {
  return text.split(part).length - 1;
}
