// Entry ids: `<milliseconds>-<sequence>`, both up to 2^64 - 1, so they are compared as text and never as numbers.

/** The id before every line. */
export const BEFORE_ALL = "0-0";

const FORM = /^(\d{1,20})-(\d{1,20})$/;
const MAX = (1n << 64n) - 1n;

/** @param {string} text */
export function isId(text) {
  return FORM.test(text);
}

/**
 * Negative if `a` is before `b`, 0 if they are the same.
 * @param {string} a @param {string} b
 */
export function compareIds(a, b) {
  if (a === b) return 0;
  const [aMs, aSeq = "0"] = a.split("-");
  const [bMs, bSeq = "0"] = b.split("-");
  return compareDigits(aMs, bMs) || compareDigits(aSeq, bSeq);
}

/**
 * The greatest id below this one, for "this line and what follows".
 * @param {string} id
 */
export function idBefore(id) {
  const [ms, seq = "0"] = id.split("-");
  if (BigInt(seq) > 0n) return `${ms}-${BigInt(seq) - 1n}`;
  return BigInt(ms) > 0n ? `${BigInt(ms) - 1n}-${MAX}` : BEFORE_ALL;
}

/**
 * The least id above this one, for "this line and what is before it".
 * @param {string} id
 */
export function idAfter(id) {
  const [ms, seq = "0"] = id.split("-");
  return BigInt(seq) < MAX ? `${ms}-${BigInt(seq) + 1n}` : `${BigInt(ms) + 1n}-0`;
}

/**
 * The milliseconds of an id; `NaN` if they are no time that a store would write today.
 * @param {string} id
 */
export function idTime(id) {
  const ms = Number(id.slice(0, id.indexOf("-")));
  return ms > 1e12 && ms < 1e14 ? ms : NaN;
}

/** @param {string} a @param {string} b */
function compareDigits(a, b) {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
