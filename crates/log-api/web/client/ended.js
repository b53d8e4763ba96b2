// What a failure means for the next try: come back, when, and why; or never.

import { ApiError } from "./request.js";

/** @typedef {import("./index.js").Cause} Cause */

/** Why a connection ended, for the next one. */
export class Ended extends Error {
  /** @param {Cause} cause @param {string} [detail] @param {number} [retryAfterMs] */
  constructor(cause, detail = "", retryAfterMs = 0) {
    super(detail);
    this.endCause = cause;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * A failure after which somebody comes back. Throws what is final.
 * @param {unknown} error
 */
export function asEnded(error) {
  if (error instanceof Ended) return error;
  if (error instanceof ApiError) {
    if (!error.isRetryable) throw error;
    return new Ended(error.status === 429 ? "limited" : "unavailable", error.message, error.retryAfterMs);
  }
  return new Ended("network", error instanceof Error ? error.message : "");
}
