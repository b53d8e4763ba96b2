// One request to the API: its address, who asks, and what a refusal means.

/** @typedef {import("./index.js").Options} Options */

export class ApiError extends Error {
  /** @param {number} status @param {string} code @param {string} detail @param {number} [retryAfterMs] */
  constructor(status, code, detail, retryAfterMs = 0) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the same request can succeed later. */
  get isRetryable() {
    return this.status === 429 || this.status === 408 || this.status >= 500;
  }
}

/**
 * Sends a request and returns its answer, which is 2xx. A token is asked for each time. One that is refused is asked for
 * again once: it may have expired on the way.
 *
 * @param {Options} options
 * @param {string} path behind `…/logs`
 * @param {Record<string, string | number | undefined>} query
 * @param {{accept?: string, signal?: AbortSignal}} [how]
 */
export async function request(options, path, query, how = {}) {
  /** @type {import("./index.js").TokenRequest["reason"]} */
  let reason = "connect";
  for (;;) {
    const token = options.getToken ? await options.getToken({ reason }) : undefined;
    if (token === null) throw signedOut();
    const answer = await send(options, address(options, path, query), token, how);
    if (answer.ok) return answer;
    const error = await refusal(answer);
    // A cookie may have been renewed by another tab or frame in the meantime.
    if (error.status !== 401 || reason === "rejected") throw error;
    reason = "rejected";
  }
}

/** @param {Options} options @param {string} path @param {Record<string, string | number | undefined>} query */
export function address(options, path, query) {
  const known = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const pairs = known.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  const base = (options.url ?? "").replace(/\/+$/, "");
  const start = `${base}/api/jobs/${encodeURIComponent(options.job)}/logs${path}`;
  return pairs.length === 0 ? start : `${start}?${pairs.join("&")}`;
}

/** @param {Options} options @param {string} url @param {string | undefined} token @param {{accept?: string, signal?: AbortSignal}} how */
function send(options, url, token, how) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (how.accept) headers.Accept = how.accept;
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  // With a token, a cookie would be a second credential.
  const credentials = token === undefined ? "include" : "omit";
  const ask = options.fetch ?? fetch;
  return ask(url, { headers, credentials, cache: "no-store", signal: how.signal });
}

/** @param {Response} answer */
async function refusal(answer) {
  let body = {};
  try {
    body = await answer.json();
  } catch {
    // A proxy answered: its page says nothing that we could use.
  }
  const { code = `http-${answer.status}`, detail = `The server answered ${answer.status}` } =
    /** @type {{code?: string, detail?: string}} */ (body);
  const seconds = Number(answer.headers.get("Retry-After"));
  return new ApiError(answer.status, code, detail, Number.isFinite(seconds) ? seconds * 1000 : 0);
}

function signedOut() {
  return new ApiError(401, "signed-out", "Nobody is signed in");
}
