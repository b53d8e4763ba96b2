import type { Options } from "../client/index.js";

/** What `log-state` tells. */
export type LogState =
  | "queued" | "starting" | "live" | "silent" | "reconnecting" | "offline" | "ended" | "failed" | "deleted"
  | "denied" | "signed-out" | "limited" | "unavailable";

export class JobLog extends HTMLElement {
  /** Asked for a token before every request. Without it, the cookie of the session is used. */
  getToken: Options["getToken"];
  /** Whether the end of the log is followed. */
  follow: boolean;
  /** Shows a line, or a range: one id, or two with a comma. */
  goTo(id: string): Promise<void>;
  /** Searches the whole log. */
  search(text: string): void;
  /** Fetches the log whole, however long it is. */
  loadAll(): Promise<void>;
  /** Begins anew, as if the page had been loaded. */
  restart(): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "job-log": JobLog;
  }
  interface HTMLElementEventMap {
    "log-state": CustomEvent<{ state: LogState; text: string }>;
    "log-gap": CustomEvent<{ after: string; first: string | null }>;
    "log-line-click": CustomEvent<{ from: string; to: string; fragment: string }>;
    "log-plain": CustomEvent<null>;
  }
}
