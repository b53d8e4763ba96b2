import assert from "node:assert/strict";
import { test } from "node:test";
import { compareIds } from "../client/ids.js";
import { Block } from "../model/block.js";
import { Log } from "../model/log.js";
import { Session, isKnownGone } from "../model/session.js";

const T = 1700000000000;
const line = (n, more = {}) => ({ id: `${T + n}-0`, ts: null, source: "stdout", text: `line ${n}`, phase: null, ...more });
const lines = (from, to) => Array.from({ length: to - from }, (_, at) => line(from + at));

/** A service with these lines. Its streams end with `done`. */
class Service {
  asked = [];
  job = { status: "ready", terminal: true, created_at: null, updated_at: null, status_message: null };
  trimmed = false;

  constructor(all) {
    this.all = all;
  }

  fetch = async (address) => {
    const url = new URL(address, "http://x");
    const path = url.pathname.replace("/api/jobs/j/logs", "");
    this.asked.push(path);
    const query = Object.fromEntries(url.searchParams);
    if (path === "/status") return Response.json(this.job);
    if (path === "/search") return new Response(`${this.found(query)}\n{"end":{"reason":"end"}}\n`);
    return path === "/stream" ? this.stream(query) : Response.json(this.page(query));
  };

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
function open(service) {
  const listener = { change: (change) => change(), appended() {}, facts() {}, gap() {}, place: () => 0, visible: () => true };
  return new Session(new Log(), { job: "j", fetch: service.fetch }, listener);
}

const idsOf = (log) => log.pieces.flatMap((piece) => (piece instanceof Block ? Array.from({ length: piece.count }, (_, at) => piece.id(at)) : [piece.kind]));

test("a log opens at its end, and the rest is fetched when nobody waits", async () => {
  const service = new Service(lines(0, 2345));
  const session = open(service);
  assert.equal(await session.open(), true);
  assert.equal(idsOf(session.log)[0], "hole");
  assert.equal(session.log.lines, 500);
  await session.follow();
  await session.fill();
  assert.deepEqual(idsOf(session.log), service.all.map(({ id }) => id));
  assert.equal(session.facts.done, "ready");
});

test("a short log is whole at once, and what was trimmed before it is a gap", async () => {
  const service = new Service(lines(50, 60));
  service.trimmed = true;
  const session = open(service);
  await session.open();
  await session.follow();
  assert.deepEqual(idsOf(session.log), ["gap", ...service.all.map(({ id }) => id)]);
});

test("of a long log it is looked up whether lines are missing before the first", async () => {
  const service = new Service(lines(50, 1250));
  service.trimmed = true;
  const session = open(service);
  await session.open();
  await session.fill();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(idsOf(session.log)[0], "gap");
  assert.equal(session.log.lines, 1200);
});

test("a line far away is fetched with what is around it, and the holes close to the same log", async () => {
  const service = new Service(lines(0, 5000));
  const session = open(service);
  await session.open();
  const place = await session.locate(`${T + 1700}-0`);
  assert.equal(place.block.text(place.index), "line 1700");
  assert.deepEqual(session.log.pieces.map(({ kind }) => kind).filter((kind) => kind === "hole"), ["hole", "hole"]);
  await session.fill();
  assert.deepEqual(idsOf(session.log), service.all.map(({ id }) => id));
  assert.equal(session.log.number(...Object.values(session.log.find(`${T + 1700}-0`).place)), 1701);
});

test("a line far away is found although pages come while it is fetched", async () => {
  const service = new Service(lines(0, 9000));
  // The requests around the line take longer than the pages that come meanwhile.
  const slow = { fetch: async (address) => {
    const answer = await service.fetch(address);
    if (String(address).includes("limit=100") || String(address).includes("after_id")) await new Promise((resolve) => setTimeout(resolve, 90));
    return answer;
  } };
  const session = open(slow);
  await session.open();
  const filling = session.fill();
  const place = await session.locate(`${T + 40}-0`);
  assert.equal(place?.block.text(place.index), "line 40");
  await filling;
  assert.deepEqual(idsOf(session.log), service.all.map(({ id }) => id));
});

test("texts that come back already are waited for", async () => {
  const service = new Service(lines(0, 1000));
  const session = open(service);
  await session.open();
  await session.fill();
  const [block] = session.log.pieces;
  block.unload();
  const first = session.reload(block);
  const place = await session.locate(`${T + 100}-0`);
  assert.equal(place?.block.text(place.index), "line 100");
  await first;
  assert.equal(service.asked.filter((path) => path === "").length, 3);
});

test("a hole is fetched from the side that is seen", async () => {
  const session = open(new Service(lines(0, 5000)));
  await session.open();
  await session.locate(`${T + 100}-0`);
  const hole = session.log.pieces.findLast(({ kind }) => kind === "hole");
  const first = hole.after;
  await session.fetchHole(hole, "after");
  const next = session.log.pieces.findLast(({ kind }) => kind === "hole");
  assert.ok(compareIds(next.after, first) > 0);
  assert.equal(next.before, hole.before);
});

test("the first failure is found by the server, however far it is", async () => {
  const all = lines(0, 3000);
  all[70].text = "0 errors";
  all[77].text = "error: no such file";
  const service = new Service(all);
  service.job.status = "failed";
  const session = open(service);
  await session.open();
  assert.ok(session.hasFailed);
  const place = await session.firstFailure();
  assert.equal(place.block.text(place.index), "error: no such file");
  assert.ok(service.asked.includes("/search"));
});

test("texts that were given up come back, and a link to a trimmed line says so", async () => {
  const service = new Service(lines(0, 1000));
  const session = open(service);
  await session.open();
  await session.fill();
  const [block] = session.log.pieces;
  block.unload();
  service.all = service.all.slice(300);
  const place = await session.locate(`${T + 100}-0`);
  assert.equal(place.block.text(place.index), "line 300");
  assert.ok(isKnownGone(session.log, `${T + 100}-0`));
  assert.ok(!isKnownGone(session.log, `${T + 400}-0`));
  assert.equal(idsOf(session.log)[0], "gap");
});

test("a refusal is said, and a store that is away is asked again", async () => {
  const refused = open({ fetch: async () => new Response(`{"code":"job-not-found"}`, { status: 404 }) });
  assert.equal(await refused.open(), false);
  assert.equal(refused.facts.refusal.status, 404);
  const service = new Service(lines(0, 3));
  let times = 0;
  const away = open({ fetch: async (url) => ((times += 1) < 3 ? new Response("{}", { status: 503 }) : service.fetch(url)) });
  assert.equal(await away.open(), true);
  assert.equal(away.log.lines, 3);
});
