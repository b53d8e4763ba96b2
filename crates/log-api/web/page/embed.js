// The page inside another one, `/embed/jobs/{id}`. It asks the page around it for a token:
//
//   ← { type: "job-log-token", reason: "connect" | "rejected" }     to the page around it
//   → { type: "job-log-token", token: "…" | null }                  the answer
//
// Only the origins of LOG_API_EMBED_ORIGINS can have this page in a frame: the content security policy says so. A token is
// taken from the frame's parent only.

import { JobLog } from "../element/job-log.js";
import { jobOf } from "./job.js";

const ANSWER_MS = 10_000;
const job = jobOf(location.pathname);
const options = new URLSearchParams(location.search);

/** @param {import("../client/index.js").TokenRequest} request @returns {Promise<string | null>} */
function askParent({ reason }) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => done(() => reject(new Error("the page around this one gave no token"))), ANSWER_MS);
    /** @param {MessageEvent} event */
    const take = (event) => {
      if (event.source === parent && event.data?.type === "job-log-token") done(() => resolve(event.data.token));
    };
    /** @param {() => void} settle */
    const done = (settle) => {
      clearTimeout(timer);
      removeEventListener("message", take);
      settle();
    };
    addEventListener("message", take);
    // Nothing in it is a secret.
    parent.postMessage({ type: "job-log-token", reason }, "*");
  });
}

const viewer = new JobLog();
viewer.setAttribute("job", job);
viewer.setAttribute("theme", options.get("theme") ?? "auto");
// `?token=cookie`: on a site of the same owner, the cookie of the session is enough.
if (options.get("token") !== "cookie") viewer.getToken = askParent;
viewer.addEventListener("log-state", (event) => {
  parent.postMessage({ type: "job-log-state", ...(/** @type {CustomEvent} */ (event).detail) }, "*");
});
document.body.append(viewer);
