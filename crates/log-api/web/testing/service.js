// A service for tests of the session: a log in memory, whose answers may be slow or fail.

import { compareIds } from "../client/ids.js";
import { Block } from "../model/block.js";
import { Log } from "../model/log.js";
import { Session } from "../model/session.js";

export const T = 1700000000000;
export const line = (n, more = {}) => ({ id: `${T + n}-0`, ts: null, source: "stdout", text: `line ${n}`, phase: null, ...more });
export const lines = (from, to) => Array.from({ length: to - from }, (_, at) => line(from + at));

/** A service with these lines. Its streams end with `done`. */
export class Service {
  asked = [];
  job = { status: "ready", terminal: true, created_at: null, updated_at: null, status_message: null };
  trimmed = false;
  /** Before an answer is given: may wait, or return another answer. The answer itself is made at once. */
  before = async () => undefined;

  constructor(all) {
    this.all = all;
  }

  fetch = async (address, init) => {
    const url = new URL(address, "http://x");
    const path = url.pathname.replace("/api/jobs/j/logs", "");
    const query = Object.fromEntries(url.searchParams);
    this.asked.push(path);
    const answer = this.answer(path, query);
    return (await this.before({ path, query, signal: init?.signal })) ?? answer;
  };

  answer(path, query) {
    if (path === "/status") return Response.json(this.job);
    if (path === "/search") return new Response(`${this.found(query)}\n{"end":{"reason":"end"}}\n`);
    return path === "/stream" ? this.stream(query) : Response.json(this.page(query));
  }

  found({ q }) {
    const all = this.all.filter((one) => new RegExp(q, "u").test(one.text));
    return all.map(({ id, text }) => JSON.stringify({ match: { id, text, spans: [] } })).join("\n");
  }

  page({ after_id: after, before_id: before, limit }) {
    const inside = this.all.filter(({ id }) => (!after || compareIds(id, after) > 0) && (!before || compareIds(id, before) < 0));
    const taken = after ? inside.slice(0, limit) : inside.slice(-limit);
    return { lines: taken, has_more: taken.length < inside.length, newest_id: taken.at(-1)?.id ?? null, oldest_id: taken[0]?.id ?? null };
  }

  stream({ after_id: after }) {
    const frame = (event, id, data) => `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
    const rest = this.all.filter(({ id }) => compareIds(id, after) > 0);
    const gap = this.trimmed && after === "0-0" ? frame("gap", "0-0", { after_id: after, first_id: rest[0].id }) : "";
    const end = frame("done", rest.at(-1)?.id ?? after, { status: this.job.status });
    return new Response(gap + rest.map((one) => frame("log", one.id, one)).join("") + end);
  }
}

/** A session over a service. */
export function open(service, more = {}) {
  const listener = { change: (change) => change(), appended() {}, facts() {}, gap() {}, place: () => 0, visible: () => true, ...more };
  return new Session(new Log(), { job: "j", fetch: service.fetch }, listener);
}

export const idsOf = (log) => log.pieces.flatMap((piece) => (piece instanceof Block ? Array.from({ length: piece.count }, (_, at) => piece.id(at)) : [piece.kind]));

/** The pieces of a log: how many lines a block has, or what else it is. */
export const shapeOf = (log) => log.pieces.map((piece) => (piece instanceof Block ? piece.count : piece.kind));

export const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A promise, and how to fulfil it. */
export function latch() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { opened, open };
}
