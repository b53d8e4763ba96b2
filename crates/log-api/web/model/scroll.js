// From the offset in a log to the position of a scroll bar and back.
//
// Browsers cap the height of an element at 2^25 device pixels, silently; so above a cap the scroll bar is scaled. A small
// move then still moves the lines by as many pixels: only a jump of the bar is scaled.

/** Below what every browser takes at any pixel ratio. */
export const CAP = 8_000_000;

/** A longer move in one event is a jump of the bar's thumb, in views. */
const JUMP_VIEWS = 2;

/** The height of the scrolled content.
 * @param {number} total pixels of all rows
 */
export function barHeight(total) {
  return Math.min(total, CAP);
}

/** Where the bar is for an offset.
 * @param {number} offset @param {number} total @param {number} view
 */
export function barOf(offset, total, view) {
  if (total <= CAP) return offset;
  return total <= view ? 0 : (offset * (CAP - view)) / (total - view);
}

/** @param {number} bar @param {number} total @param {number} view */
function offsetOf(bar, total, view) {
  return total <= CAP ? bar : (bar * (total - view)) / (CAP - view);
}

/**
 * The new offset after the bar has moved from one position to another.
 * @param {number} offset before @param {number} from the bar before @param {number} to the bar now
 * @param {number} total @param {number} view
 */
export function moved(offset, from, to, total, view) {
  if (total <= CAP) return to;
  const delta = to - from;
  const next = Math.abs(delta) > JUMP_VIEWS * view || to <= 0 || to >= CAP - view - 1 ? offsetOf(to, total, view) : offset + delta;
  return clamp(next, total, view);
}

/** @param {number} offset @param {number} total @param {number} view */
export function clamp(offset, total, view) {
  return Math.max(0, Math.min(offset, total - view));
}
