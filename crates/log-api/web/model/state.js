// What the head of the page says: one word for programs (`data-state`), a few for people.
//
// Old lines are never shown as if they were live: "live" is tied to the last byte from the server.

import { shownName } from "../text/name.js";
import { duration, durationWords } from "./times.js";

/** @typedef {"queued" | "starting" | "live" | "silent" | "reconnecting" | "offline" | "ended" | "failed" | "deleted" | "denied" | "signed-out" | "limited" | "unavailable"} Name */

/**
 * What is known.
 * @typedef {object} Facts
 * @property {string | null} jobStatus the job's own word
 * @property {number} createdAt milliseconds, or `NaN`
 * @property {number} endedAt
 * @property {import("../client/index.js").State | null} connection
 * @property {boolean} interrupted whether a connection was lost since the page was opened
 * @property {string | null} done the status that came with the end
 * @property {{status: number, code: string, message: string} | null} refusal
 * @property {number} lines
 * @property {number} lastLineAt by this machine's clock, or `NaN`
 * @property {string} message what the job says of itself
 */

/** @typedef {{name: Name, word: string, detail: string, retryAt: number, canRetry: boolean}} Shown */

/** After this long without a line, a reader should know that it is the build and not the page. */
export const SILENT_MS = 120_000;

const POLLING = {
  proxy: "A proxy holds the stream back, so this page asks every two seconds.",
  tabs: "Many logs are open in this browser, so this one is asked for every two seconds.",
};

const WAITING = ["queued", "scheduled"];

/** @param {Facts} facts @param {number} now @param {number} [silentMs] @returns {Shown} */
export function shownState(facts, now, silentMs = SILENT_MS) {
  return refused(facts) ?? ended(facts) ?? disconnected(facts, now) ?? running(facts, now, silentMs);
}

/** @param {Facts} facts @returns {Shown | null} */
function refused({ refusal }) {
  if (!refusal) return null;
  if (refusal.status === 401) {
    return shown("signed-out", "Signed out", "Sign in again, then come back to this page.", { canRetry: true });
  }
  if (refusal.status === 404 || refusal.status === 403) {
    return shown("denied", "No access", "There is no such job, or it is not yours.", { canRetry: true });
  }
  return shown("unavailable", "Cannot be shown", `${refusal.message}.`, { canRetry: true });
}

/** @param {Facts} facts @returns {Shown | null} */
function ended({ done, createdAt, endedAt, message }) {
  if (done === null) return null;
  const took = endedAt - createdAt;
  const after = Number.isNaN(took) || took < 0 ? "" : `after ${durationWords(took)}`;
  if (done === "deleted") return shown("deleted", "Deleted", "The job was deleted. What you see is all that this page still has.");
  const said = [after, shownName(message)].filter(Boolean).join(" · ");
  if (done === "failed") return shown("failed", "Failed", said);
  // Any other word is a status of the host's own, for example "cancelled".
  const word = done === "ready" ? "Succeeded" : done.charAt(0).toUpperCase() + done.slice(1);
  return shown("ended", shownName(word), said);
}

/** @param {Facts} facts @param {number} now @returns {Shown | null} */
function disconnected({ connection, lines }, now) {
  if (connection?.state === "offline") {
    return shown("offline", "Offline", "This machine has no network. The log goes on when it is back.", { canRetry: true });
  }
  if (connection?.state !== "waiting") return null;
  const { retryAt, cause, detail } = connection;
  const seconds = Math.max(0, Math.ceil((retryAt - now) / 1000));
  const again = seconds > 0 ? `Next try in ${seconds} s.` : "Trying now.";
  const more = { retryAt, canRetry: true };
  if (cause === "limited") return shown("limited", "Too many viewers", `${detail}. ${again}`, more);
  if (cause === "unavailable") return shown("unavailable", "Unavailable", `${lines > 0 ? "The log is safe. " : ""}${detail}. ${again}`, more);
  const why = cause === "silent" ? "The connection went silent." : "The connection was lost.";
  return shown("reconnecting", "Reconnecting", `${why} ${again}`, more);
}

/** @param {Facts} facts @param {number} now @param {number} silentMs @returns {Shown} */
function running({ jobStatus, createdAt, connection, lines, lastLineAt, interrupted }, now, silentMs) {
  const since = Number.isNaN(createdAt) ? "" : ` ${duration(now - createdAt)} ago`;
  if (lines === 0 && jobStatus !== null && WAITING.includes(jobStatus)) {
    return shown("queued", "Queued", `Lines appear here when the worker starts.${since && ` Queued${since}.`}`);
  }
  if (connection === null || connection.state === "connecting") {
    return interrupted ? shown("reconnecting", "Reconnecting", "Trying now.", { canRetry: true }) : shown("starting", "Connecting", "");
  }
  if (lines === 0) return shown("starting", "Started", `No output yet.${since && ` Created${since}.`}`);
  const silent = now - lastLineAt;
  if (silent > silentMs) return shown("silent", `No output for ${duration(silent)}`, "");
  return shown("live", "Live", connection.state === "polling" ? POLLING[connection.why] : "");
}

/** @param {Name} name @param {string} word @param {string} detail @param {Partial<Shown>} [more] @returns {Shown} */
function shown(name, word, detail, more = {}) {
  return { name, word, detail, retryAt: NaN, canRetry: false, ...more };
}
