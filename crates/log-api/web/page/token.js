// Who looks: the cookie of the session, a token from the address, or a one-time code of the demo.

const KEPT = "job-log-token:";

/**
 * @param {string} job @param {{token: string | null, code: string | null}} fragment
 * @returns {Promise<import("../client/index.js").Options["getToken"]>} `undefined`: the cookie of the session
 */
export async function tokenSource(job, { token, code }) {
  if (code) {
    const answer = await fetch(`/jobs/${encodeURIComponent(job)}/code`, { method: "POST", body: code });
    // A code opens the page once. Loaded again, the page still has what it got for it.
    if (answer.ok) sessionStorage.setItem(KEPT + job, (await answer.json()).token);
  }
  const known = token ?? sessionStorage.getItem(KEPT + job);
  if (known === null) return undefined;
  return ({ reason }) => (reason === "rejected" ? null : known);
}
