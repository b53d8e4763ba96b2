// The page of one job, `/jobs/{id}`: it fills the window with a <job-log>, and keeps the address and the title in step.

import { readFragment, writeFragment } from "../model/fragment.js";
import { JobLog } from "../element/job-log.js";
import { jobOf } from "./job.js";
import { showPlain } from "./plain.js";
import { tokenSource } from "./token.js";

const job = jobOf(location.pathname);

/** @type {Record<string, string>} */
const COLOURS = { live: "#1a7f37", ended: "#1a7f37", failed: "#c4262e", queued: "#59636e", starting: "#59636e" };

function start() {
  const fragment = readFragment(location.hash);
  // At once: a token must not stay where somebody could copy it.
  if (fragment.token || fragment.code) history.replaceState(null, "", fragment.target ? writeFragment(fragment.target) : location.pathname + location.search);
  const getToken = tokenSource(job, fragment);
  document.title = job;
  if (new URLSearchParams(location.search).has("plain")) {
    void showPlain(job, getToken);
    return;
  }
  const viewer = new JobLog();
  viewer.setAttribute("job", job);
  if (fragment.target) viewer.setAttribute("at", writeFragment(fragment.target));
  viewer.getToken = getToken;
  viewer.addEventListener("log-state", (event) => showState(/** @type {CustomEvent} */ (event).detail));
  viewer.addEventListener("log-line-click", (event) => history.replaceState(null, "", /** @type {CustomEvent} */ (event).detail.fragment));
  viewer.addEventListener("log-plain", () => location.assign(`${location.pathname}?plain`));
  addEventListener("hashchange", () => {
    const { target } = readFragment(location.hash);
    if (target) void viewer.goTo(`${target.from},${target.to}`);
  });
  document.body.append(viewer);
}

/** The state is in the tab too: somebody who waits looks at another page.
 * @param {{state: string, text: string}} state
 */
function showState({ state, text }) {
  document.title = `${text} · ${job}`;
  const colour = encodeURIComponent(COLOURS[state] ?? "#8a5a00");
  const picture = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6" fill="${colour}"/></svg>`;
  document.querySelector("link[rel=icon]")?.setAttribute("href", `data:image/svg+xml,${picture}`);
}

start();
