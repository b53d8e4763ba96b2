// Who looks: the cookie of the session, a token from the address, or a one-time code of the demo.

const KEPT = "job-log-token:";

/** @typedef {NonNullable<import("../client/index.js").Options["getToken"]>} GetToken */

/**
 * @param {string} job @param {{token: string | null, code: string | null}} fragment
 * @returns {GetToken | undefined} `undefined`: the cookie of the session
 */
export function tokenSource(job, { token, code }) {
  const key = KEPT + job;
  let known = token ?? recall(key);
  if (known === null && code === null) return undefined;
  /**
   * The code while it has not been answered: it works once, so whoever asks meanwhile waits for the same answer.
   * @type {Promise<void> | null}
   */
  let exchange = null;
  let left = code;
  const redeem = async () => {
    const answer = await fetch(`/jobs/${encodeURIComponent(job)}/code`, { method: "POST", body: left ?? "" });
    // The network or the server is away: the next request tries again.
    if (answer.status >= 500) throw new Error(`The server answered ${answer.status}`);
    left = null;
    if (!answer.ok) return;
    known = (await answer.json()).token;
    // Loaded again, the page still has what it got for the code.
    keep(key, known ?? "");
  };
  return async ({ reason }) => {
    if (left) await (exchange ??= redeem().finally(() => (exchange = null)));
    return reason === "rejected" ? null : known;
  };
}

/** @param {string} key */
function recall(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    // A page without storage.
    return null;
  }
}

/** @param {string} key @param {string} token */
function keep(key, token) {
  try {
    sessionStorage.setItem(key, token);
  } catch {
    // It works until the page is left.
  }
}
