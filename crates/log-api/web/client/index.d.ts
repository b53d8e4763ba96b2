// The client of the API, for pages and for node 20 and later.

/** One line, as the API sends it. Every part but the id may be missing. */
export interface Line {
  id: string;
  ts: string | null;
  source: string | null;
  text: string | null;
  phase: string | null;
  /** The line has not ended: the next line of its source takes its place. */
  open?: boolean;
}

/** Why a connection ended or could not be made. */
export type Cause = "network" | "ended-early" | "silent" | "limited" | "unavailable";

export type State =
  | { state: "connecting" }
  | { state: "live" }
  | { state: "waiting"; retryAt: number; cause: Cause; detail: string }
  | { state: "offline" }
  /** Pages are read instead of a stream: a proxy holds streams back, or too many tabs have one. */
  | { state: "polling"; why: "proxy" | "tabs" };

export type FollowEvent =
  | { type: "lines"; lines: Line[] }
  | { type: "gap"; after: string; first: string | null }
  | ({ type: "state" } & State)
  | { type: "heartbeat" }
  | { type: "done"; status: string };

export interface TokenRequest {
  /** `rejected`: the token of the last call was refused. */
  reason: "connect" | "rejected";
}

export interface Options {
  /** Where the API is, for example `https://logs.example.com`. Empty: where the page is from. */
  url?: string;
  job: string;
  /** Asked before every request. `null`: nobody is signed in. Without it, the session cookie of the page is used. */
  getToken?: (request: TokenRequest) => Promise<string | null> | string | null;
  fetch?: typeof fetch;
  signal?: AbortSignal;
}

export interface FollowOptions extends Options {
  /** Begin after this line. `start` (the default): the whole log. `end`: only what comes from now on. */
  after?: string;
  /** How long to wait for the first byte, and for any further one, in milliseconds. */
  firstByteMs?: number;
  silenceMs?: number;
  /** Between two pages, where streams do not get through. */
  pollMs?: number;
  random?: () => number;
}

export interface Following extends AsyncIterable<FollowEvent> {
  /** The last line that was taken. */
  readonly cursor: string;
  /** Lines that came twice and were dropped. Always 0, unless the server has a fault. */
  readonly duplicates: number;
  close(): void;
  retryNow(): void;
}

export interface Page {
  lines: Line[];
  has_more: boolean;
  oldest_id: string | null;
  newest_id: string | null;
}

export interface PageQuery {
  before?: string;
  after?: string;
  limit?: number;
}

export interface JobStatus {
  job_id: string;
  status: string;
  terminal: boolean;
  status_message: string | null;
  created_at: string | null;
  updated_at: string | null;
}

export interface SearchQuery {
  text: string;
  regex?: boolean;
  matchCase?: boolean;
  after?: string;
  limit?: number;
}

export type Span = [start: number, end: number];
export type SearchEvent =
  | { match: { id: string; text: string; spans: Span[] } }
  | { progress: { scanned_to: string; lines: number; matches: number } }
  | { end: { reason: "end" | "limit" | "time"; scanned_to: string; lines: number; matches: number } };

/** A refusal that repeating does not change, or an answer that was not understood. */
export class ApiError extends Error {
  constructor(status: number, code: string, detail: string, retryAfterMs?: number);
  status: number;
  code: string;
  retryAfterMs: number;
  /** Whether the same request can succeed later. */
  readonly isRetryable: boolean;
}

export function follow(options: FollowOptions): Following;
export function page(options: Options & PageQuery): Promise<Page>;
export function readAll(options: Options & { after?: string }): AsyncIterable<Line[]>;
export function status(options: Options): Promise<JobStatus>;
export function search(options: Options & SearchQuery): AsyncIterable<SearchEvent>;
/** The same over the whole log, however long: it goes on where the server ends a search early, or breaks it off. */
export function searchAll(options: Options & SearchQuery): AsyncIterable<SearchEvent>;
/** Whether lines are missing before the first one that a log still has; `undefined` where a proxy holds streams back. */
export function firstGap(options: Options): Promise<{ first: string | null } | null | undefined>;
