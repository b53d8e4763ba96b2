// The log of a job as a React hook. It takes the place of a hook that reads the stream by itself: the same arguments, and
// the same lines, which are those from now on; but it comes back after a break without a lost line, and draws once a frame.
//
//   const { lines, status } = useBuildLogs(jobId, getToken, { after: "start" });   with the lines from before, too

import { useEffect, useRef, useState } from "react";
import { follow } from "./index.js";

/** Without a page that draws (hidden, or in node), so often. */
const HIDDEN_MS = 250;

/** @type {import("./react.js").BuildLogs} */
const NOTHING = { lines: [], status: null, connected: false, gaps: 0, error: null };

/**
 * @param {string | null | undefined} jobId nothing is followed without one
 * @param {import("./react.js").GetToken} getToken asked before every connection; Clerk's has this form
 * @param {{url?: string, after?: string}} options of `follow`
 * @returns {import("./react.js").BuildLogs}
 */
export function useBuildLogs(jobId, getToken, options = {}) {
  const { url, after = "end" } = options;
  const [logs, setLogs] = useState(NOTHING);
  // A new function at each drawing must not be a new connection.
  const token = useRef(getToken);
  token.current = getToken;
  useEffect(() => {
    setLogs(NOTHING);
    if (!jobId) return undefined;
    const closing = new AbortController();
    /** @type {import("./react.js").BuildLogs} */
    let next = NOTHING;
    let waits = false;
    const show = () => {
      waits = false;
      // A new array, so that React sees the change; the lines in it are the same objects.
      if (!closing.signal.aborted) setLogs({ ...next, lines: [...next.lines] });
    };
    const change = (/** @type {Partial<import("./react.js").BuildLogs>} */ part) => {
      next = { ...next, ...part };
      if (waits) return;
      waits = true;
      if (typeof requestAnimationFrame === "function" && document.visibilityState === "visible") requestAnimationFrame(show);
      else setTimeout(show, HIDDEN_MS);
    };
    /** @type {import("./index.js").Line[]} */
    const lines = [];
    const run = async () => {
      for await (const event of follow({ job: jobId, url, after, getToken: ({ reason }) => token.current({ skipCache: reason === "rejected" }), signal: closing.signal })) {
        if (event.type === "lines") change({ lines: (lines.push(...event.lines), lines), connected: true });
        else if (event.type === "gap") change({ gaps: next.gaps + 1 });
        else if (event.type === "done") change({ status: event.status, connected: false });
        else change({ connected: event.type === "heartbeat" });
      }
    };
    run().catch((error) => change({ error, connected: false }));
    return () => closing.abort();
  }, [jobId, url, after]);
  return logs;
}
