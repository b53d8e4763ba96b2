// What happens while an answer is on its way, and where none comes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MEMORY } from "../model/fetcher.js";
import { Service, T, after, idsOf, latch, line, lines, open, shapeOf } from "../testing/service.js";

const lost = () => Promise.reject(new TypeError("network"));
const id = (n) => `${T + n}-0`;

/** A session that has the whole log. */
async function whole(service, more) {
  const session = open(service, more);
  await session.open();
  await session.fetcher.fill();
  return session;
}

test("a line that cannot be fetched is no line that is gone", async () => {
  const service = new Service(lines(0, 3000));
  const session = open(service);
  await session.open();
  service.before = lost;
  await assert.rejects(session.fetcher.locate(id(40)), /network/);
  service.before = async () => undefined;
  assert.equal((await session.fetcher.locate(id(40))).block.text(0), "line 0");
  assert.equal(await session.fetcher.locate(id(9000)), null);
});

test("a window without texts asks once, rests, and asks again until they come", async () => {
  const service = new Service(lines(0, 1000));
  let changes = 0;
  const session = await whole(service, { change: (change) => ((changes += 1), change()) });
  const [block] = session.log.pieces;
  block.unload();
  service.asked = [];
  service.before = lost;
  // The window asks at every frame.
  for (let frame = 0; frame < 20; frame += 1) void session.fetcher.reload(block);
  await after(50);
  for (let frame = 0; frame < 20; frame += 1) void session.fetcher.reload(block);
  assert.equal(service.asked.length, 1);
  service.before = async () => undefined;
  changes = 0;
  await after(2100);
  assert.ok(changes > 0, "the window is drawn again, and asks again");
  await session.fetcher.reload(block);
  assert.equal(block.text(1), "line 1");
});

test("a hole in the window is asked for again after a failure", async () => {
  const service = new Service(lines(0, 3000));
  let drawn = latch();
  const session = open(service, { change: (change) => (drawn.open(), change()) });
  await session.open();
  service.before = lost;
  const hole = session.log.hole;
  void session.fetcher.fetchHole(hole, "before");
  await after(10);
  drawn = latch();
  service.before = async () => undefined;
  await drawn.opened;
  await session.fetcher.fetchHole(hole, "before");
  assert.equal(session.log.lines, 1000);
});

test("what a jump has fetched stays until it is shown, however much is in memory", async () => {
  const text = "x".repeat(MEMORY / 800);
  const service = new Service(lines(0, 1300).map((one) => ({ ...one, text })));
  let place = 1000;
  const session = await whole(service, { place: () => place });
  place = session.log.pieces.length - 1;
  session.fetcher.freeMemory();
  const [first] = session.log.pieces;
  assert.ok(!first.isLoaded);
  const found = await session.fetcher.locate(id(3));
  assert.deepEqual([found.index, found.block.isLoaded], [3, true]);
});

test("nothing comes back into a log that is no longer the reader's", async () => {
  for (const what of ["block", "hole", "line", "start"]) {
    const service = new Service(lines(0, what === "start" ? 900 : 3000));
    const session = open(service);
    await session.open();
    const block = session.log.pieces.at(-1);
    block.unload();
    const slow = latch();
    service.before = () => slow.opened;
    const asked = {
      block: () => session.fetcher.reload(block),
      hole: () => session.fetcher.fetchHole(session.log.hole, "before"),
      line: () => session.fetcher.locate(id(40)),
      start: () => session.fetcher.fetchHole(session.log.hole, "before"),
    }[what]();
    await after(5);
    session.log.clear();
    slow.open();
    await asked;
    assert.deepEqual(idsOf(session.log), [], what);
  }
});

test("a page that is refused ends everything: nothing more is asked, nothing more comes", async () => {
  const service = new Service(lines(0, 3000));
  service.job = { ...service.job, status: "code", terminal: false };
  const session = open(service);
  await session.open();
  service.before = async ({ path, signal }) => {
    if (path === "/stream") return new Response(new ReadableStream({ start: (to) => signal.addEventListener("abort", () => to.error(new Error("aborted"))) }));
    return new Response(`{"code":"job-not-found"}`, { status: 404 });
  };
  const following = session.follow();
  await session.fetcher.fill();
  assert.equal(session.facts.refusal.status, 404);
  await following;
  const { length } = service.asked;
  await session.fetcher.fill();
  await session.fetcher.fetchHole(session.log.hole, "before");
  assert.equal(service.asked.length, length);
});

test("lines that are trimmed from a hole are missing, and said to be", async () => {
  for (const side of ["before", "after", "line"]) {
    const service = new Service(lines(0, 5000));
    const session = open(service);
    await session.open();
    await session.fetcher.locate(id(1000));
    assert.deepEqual(session.log.pieces.map(({ kind }) => kind), ["hole", "lines", "lines", "hole", "lines"]);
    // All between the line and the end, and some of the end too.
    service.all = service.all.slice(4300);
    const hole = session.log.pieces[3];
    if (side === "line") await session.fetcher.locate(id(4400));
    else await session.fetcher.fetchHole(hole, side);
    await session.fetcher.fill();
    const gaps = session.log.pieces.filter(({ kind }) => kind === "gap");
    assert.deepEqual(gaps.map(({ after, first }) => [after, first]).at(-1), [hole.after, id(4300)], side);
    assert.equal(idsOf(session.log).filter((one) => one === id(4300)).length, 1);
  }
});

test("lines that are trimmed while a block is fetched again are missing where they were", async () => {
  const service = new Service(lines(0, 500));
  const session = open(service);
  await session.open();
  service.all = lines(0, 1100);
  session.log.append(lines(500, 1100));
  const [block] = session.log.pieces;
  assert.equal(block.count, 512, "it takes two pages");
  block.unload();
  // The answer is made before it is sent.
  service.before = async () => void (service.all = lines(600, 1100));
  await session.fetcher.load(block);
  assert.deepEqual(shapeOf(session.log), [500, "gap", 512, 76]);
  assert.deepEqual([session.log.pieces[1].after, session.log.lines], [id(499), 1088]);
});

test("a hole that closes where nothing was trimmed leaves no gap, from either side", async () => {
  for (const side of ["before", "after"]) {
    const service = new Service(lines(0, 5000));
    const session = open(service);
    await session.open();
    await session.fetcher.locate(id(1000));
    while (session.log.pieces.filter(({ kind }) => kind === "hole").length > 1) {
      await session.fetcher.fetchHole(session.log.pieces.findLast(({ kind }) => kind === "hole"), side);
    }
    await session.fetcher.fill();
    assert.deepEqual(idsOf(session.log), service.all.map((one) => one.id), side);
  }
});

test("lines that were trimmed before the first have no number that would be wrong, not for a moment", async () => {
  const service = new Service(lines(500, 1300));
  service.trimmed = true;
  const numbers = [];
  const session = open(service, {
    change: (change) => {
      const result = change();
      const first = session.log.pieces.find(({ kind }) => kind === "lines");
      numbers.push(session.log.number(first, 0));
      return result;
    },
  });
  await session.open();
  await session.fetcher.fill();
  assert.deepEqual(shapeOf(session.log)[0], "gap");
  assert.deepEqual([...new Set(numbers)], [0]);
});

test("where nobody can say whether lines were trimmed there are no numbers", async () => {
  const session = open(new Service(lines(0, 10)));
  await session.open();
  const [block] = session.log.pieces;
  assert.equal(session.log.number(block, 3), 4);
  session.log.startIsUnknown = true;
  assert.equal(session.log.number(block, 3), 0);
});

test("the first failure is looked for again where a search fails", async () => {
  const all = lines(0, 3000);
  all[77].text = "error: no such file";
  const service = new Service(all);
  service.job.status = "failed";
  const session = open(service);
  await session.open();
  let failures = 0;
  service.before = async ({ path }) => {
    if (path !== "/search" || failures === 2) return undefined;
    failures += 1;
    return failures === 1 ? lost() : new Response(`{"match":{"id":"${id(5)}","te`);
  };
  const place = await session.firstFailure();
  assert.equal(place.block.text(place.index), "error: no such file");
  service.before = async ({ path }) => (path === "/search" ? new Response("{}", { status: 422 }) : undefined);
  session.log.addHoleBefore();
  await assert.rejects(session.firstFailure(), { status: 422 });
});

test("whoever waits for the whole log waits until it is there", async () => {
  const session = open(new Service(lines(0, 3000)));
  await session.open();
  void session.fetcher.fill();
  session.fetcher.fillAll = true;
  await session.fetcher.fill();
  assert.equal(session.log.lines, 3000);
});

test("a fault of the page itself is said and not swallowed", async () => {
  const { error } = console;
  console.error = () => {};
  let isFaulty = false;
  const service = new Service(lines(0, 3));
  const session = open(service, { appended: () => { if (isFaulty) throw new Error("a fault"); } });
  await session.open();
  service.all.push(line(3));
  isFaulty = true;
  await session.follow();
  console.error = error;
  assert.match(session.facts.refusal.message, /a fault/);
});

test("a job that has ended says how long it took as soon as its status does", async () => {
  const service = new Service([line(1)]);
  const session = open(service);
  await session.open();
  let times = 0;
  service.before = async ({ path }) => {
    if (path === "/status" && (times += 1) === 1) return lost();
    service.job.updated_at = "2026-01-01T00:00:00Z";
    return undefined;
  };
  await session.follow();
  assert.equal(session.facts.endedAt, Date.parse("2026-01-01T00:00:00Z"));
});
