import type { Line } from "./index.js";

export interface BuildLogs {
  /** All lines so far, in order. */
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

export function useBuildLogs(
  jobId: string | null | undefined,
  getToken: () => Promise<string | null> | string | null,
  options?: { url?: string; after?: string },
): BuildLogs;
