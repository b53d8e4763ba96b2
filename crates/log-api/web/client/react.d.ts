import type { Line } from "./index.js";

export interface BuildLogs {
  /** All lines so far, in order: those from now on, or what `after` asks for. */
  lines: Line[];
  /** `ready`, `failed` or `deleted` once the log has ended; `null` until then. */
  status: string | null;
  /** Whether lines come as they are written. */
  connected: boolean;
  /** How often lines were missing. */
  gaps: number;
  /** Why the log cannot be followed; repeating does not help. */
  error: Error | null;
}

/** A token, or `null`: nobody is signed in. `skipCache`: the last one was refused. */
export type GetToken = (options: { skipCache: boolean }) => Promise<string | null> | string | null;

export function useBuildLogs(
  jobId: string | null | undefined,
  getToken: GetToken,
  /** `after`: `end` (the default), `start` (with the lines from before), or the id of a line. */
  options?: { url?: string; after?: string },
): BuildLogs;
