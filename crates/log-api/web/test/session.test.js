import assert from "node:assert/strict";
import { test } from "node:test";
import { compareIds } from "../client/ids.js";
import { isKnownGone } from "../model/session.js";
import { Service, T, idsOf, lines, open } from "../testing/service.js";

test("a log opens at its end, and the rest is fetched when nobody waits", async () => {
  const service = new Service(lines(0, 2345));
  const session = open(service);
  assert.equal(await session.open(), true);
  assert.equal(idsOf(session.log)[0], "hole");
  assert.equal(session.log.lines, 500);
  await session.follow();
  await session.fetcher.fill();
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
  await session.fetcher.fill();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(idsOf(session.log)[0], "gap");
  assert.equal(session.log.lines, 1200);
});

test("a line far away is fetched with what is around it, and the holes close to the same log", async () => {
  const service = new Service(lines(0, 5000));
  const session = open(service);
  await session.open();
  const place = await session.fetcher.locate(`${T + 1700}-0`);
  assert.equal(place.block.text(place.index), "line 1700");
  assert.deepEqual(session.log.pieces.map(({ kind }) => kind).filter((kind) => kind === "hole"), ["hole", "hole"]);
  await session.fetcher.fill();
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
  const filling = session.fetcher.fill();
  const place = await session.fetcher.locate(`${T + 40}-0`);
  assert.equal(place?.block.text(place.index), "line 40");
  await filling;
  assert.deepEqual(idsOf(session.log), service.all.map(({ id }) => id));
});

test("texts that come back already are waited for", async () => {
  const service = new Service(lines(0, 1000));
  const session = open(service);
  await session.open();
  await session.fetcher.fill();
  const [block] = session.log.pieces;
  block.unload();
  const first = session.fetcher.reload(block);
  const place = await session.fetcher.locate(`${T + 100}-0`);
  assert.equal(place?.block.text(place.index), "line 100");
  await first;
  assert.equal(service.asked.filter((path) => path === "").length, 3);
});

test("a hole is fetched from the side that is seen", async () => {
  const session = open(new Service(lines(0, 5000)));
  await session.open();
  await session.fetcher.locate(`${T + 100}-0`);
  const hole = session.log.pieces.findLast(({ kind }) => kind === "hole");
  const first = hole.after;
  await session.fetcher.fetchHole(hole, "after");
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
  await session.fetcher.fill();
  const [block] = session.log.pieces;
  block.unload();
  service.all = service.all.slice(300);
  const place = await session.fetcher.locate(`${T + 100}-0`);
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
