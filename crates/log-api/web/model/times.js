// Times in words and in the margin.

/** How the margin shows the time of a line. */
export const TIME_MODES = /** @type {const} */ (["off", "clock", "start", "before"]);

/** @typedef {typeof TIME_MODES[number]} TimeMode */

/** Shorter pauses between two lines are not worth a reader's look. */
const WORTH_MS = 1000;

/**
 * Milliseconds, or `NaN`.
 * @param {string | null | undefined} ts
 */
export function parseTime(ts) {
  return ts === null || ts === undefined ? NaN : Date.parse(ts);
}

/**
 * The margin's text for a line.
 * @param {TimeMode} mode @param {number} time @param {number} start of the job @param {number} before the line before
 */
export function marginTime(mode, time, start, before) {
  if (mode === "off" || Number.isNaN(time)) return "";
  if (mode === "clock") return clock(time);
  if (mode === "start") return Number.isNaN(start) ? "" : duration(Math.max(0, time - start));
  const pause = time - before;
  return pause >= WORTH_MS ? `+${duration(pause)}` : "";
}

/**
 * The widest text of a mode, in characters.
 * @param {TimeMode} mode
 */
export function marginWidth(mode) {
  return { off: 0, clock: 8, start: 7, before: 8 }[mode];
}

/**
 * The reader's own time of day.
 * @param {number} time
 */
export function clock(time) {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

/**
 * `0:07`, `12:30`, `1:02:03`.
 * @param {number} ms
 */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/**
 * For a sentence: `3.2 s`, `12 s`, `2 min 5 s`, `1 h 2 min`.
 * @param {number} ms
 */
export function durationWords(ms) {
  const seconds = ms / 1000;
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {number} part */
function two(part) {
  return String(part).padStart(2, "0");
}
