// What a reader is told of missing lines.

import { idTime } from "../client/ids.js";
import { clock } from "./times.js";

/** @param {{after: string, first: string | null, why: "missing" | "trimmed"}} gap */
export function gapWords({ after, first, why }) {
  const [from, to] = [idTime(after), first === null ? NaN : idTime(first)];
  const times = Number.isNaN(from)
    ? Number.isNaN(to) ? "" : ` before ${clock(to)}`
    : Number.isNaN(to) ? ` after ${clock(from)}` : ` between ${clock(from)} and ${clock(to)}`;
  const reason = why === "trimmed" ? "they are no longer kept" : "they were trimmed, or lost by the store";
  return `Lines${times} are missing: ${reason}.`;
}
