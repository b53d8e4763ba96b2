// The log as plain text, whole: for screen readers, for the browser's own search, for saving.

import { follow } from "../client/index.js";
import { plain } from "../text/ansi.js";
import { gapWords } from "../model/gap-words.js";

/** A page with more would not be of use to anybody; the download is. */
const MOST_LINES = 200_000;

/** @param {string} job @param {import("../client/index.js").Options["getToken"]} getToken */
export async function showPlain(job, getToken) {
  document.body.className = "plain-page";
  const title = document.createElement("h1");
  title.textContent = `Log of ${job}`;
  const text = document.createElement("pre");
  text.className = "plain";
  document.body.append(title, text);
  let lines = 0;
  try {
    for await (const event of follow({ job, getToken })) {
      if (event.type === "gap") text.append(`--- ${gapWords({ ...event, why: "missing" })} ---\n`);
      if (event.type === "done") text.append(`--- The job has ended: ${event.status} ---\n`);
      if (event.type !== "lines") continue;
      text.append(event.lines.filter((line) => !line.open).map((line) => `${plain(line.text ?? "")}\n`).join(""));
      lines += event.lines.length;
      if (lines > MOST_LINES) break;
    }
    if (lines > MOST_LINES) text.append(`--- The log goes on: download it ---\n`);
  } catch (error) {
    text.append(`--- ${error instanceof Error ? error.message : "The log cannot be shown"} ---\n`);
  }
}
