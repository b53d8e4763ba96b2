// Everything at once, in random orders: pages come in late or not at all, lines are appended and trimmed, texts are given up,
// somebody jumps. Whatever happens, each line is there once and in order, and where lines are missing there is a gap.

import assert from "node:assert/strict";
import { test } from "node:test";
import { compareIds } from "../client/ids.js";
import { Block } from "../model/block.js";
import { Gap, Hole } from "../model/pieces.js";
import { Service, T, after, lines, open } from "../testing/service.js";

const HISTORIES = Number(process.env.TEST_HISTORIES ?? 30);
const id = (n) => `${T + n}-0`;
const numberOf = (one) => Number(one.split("-")[0]) - T;

function random(seed) {
  let state = seed * 2654435761 + 1;
  const next = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32);
  return { below: (most) => Math.floor(next() * most), one: (all) => all[Math.floor(next() * all.length)], is: (chance) => next() < chance };
}

/** The lines of a log, with `gap` and `hole` where these are; fails where they are not in order. */
function check(log) {
  const seen = [];
  let last = "0-0";
  let rows = 0;
  log.pieces.forEach((piece, order) => {
    assert.equal(piece.order, order, "a piece knows where it is");
    assert.equal(log.rowOf(piece, 0), rows, "and its rows begin where those before it end");
    rows += piece.rows;
    if (!(piece instanceof Block)) return seen.push(piece instanceof Gap ? "gap" : "hole");
    for (let index = 0; index < piece.count; index += 1) {
      const one = piece.isLoaded ? piece.id(index) : index === 0 ? piece.firstId : index === piece.count - 1 ? piece.lastId : null;
      if (one === null) continue;
      assert.ok(compareIds(last, one) < 0, `${numberOf(last)} and then ${numberOf(one)}`);
      last = one;
      seen.push(numberOf(one));
      if (piece.isLoaded) assert.equal(piece.text(index), `line ${numberOf(one)}`);
    }
  });
  assert.equal(log.rows, rows);
  return seen;
}

/** One history. */
async function run(seed) {
  const { below, one, is } = random(seed);
  let end = 300 + below(4000);
  const service = new Service(lines(0, end));
  let isHard = true;
  service.before = async () => {
    await after(below(6));
    if (isHard && is(0.1)) throw new TypeError("network");
  };
  const session = open(service, { place: () => below(session.log.pieces.length + 1) });
  const { log, fetcher } = session;
  service.before = async () => undefined;
  await session.open();
  service.before = async () => {
    await after(below(6));
    if (isHard && is(0.1)) throw new TypeError("network");
  };
  const blocks = () => log.pieces.filter((piece) => piece instanceof Block);
  const holes = () => log.pieces.filter((piece) => piece instanceof Hole);
  const steps = {
    append: () => {
      const more = lines(end, (end += 1 + below(700)));
      service.all.push(...more);
      log.append(more);
    },
    trim: () => { service.all = service.all.slice(below(Math.min(service.all.length, 900))); },
    locate: () => fetcher.locate(id(below(end))),
    page: () => (holes().length > 0 ? fetcher.fetchPage(one(holes()), one(["before", "after"])) : undefined),
    unload: () => one(blocks()).unload(),
    load: () => fetcher.load(one(blocks())),
    free: () => log.unload(below(200_000), below(log.pieces.length)),
    wait: () => after(below(8)),
  };
  const underWay = [];
  for (let step = 0; step < 40; step += 1) {
    const done = steps[one(Object.keys(steps))]();
    // What fails is asked for again by whoever wanted it.
    if (done) underWay.push(done.catch((error) => assert.match(error.message, /network|changes too fast/)));
    if (is(0.3)) await underWay.at(-1);
    check(log);
  }
  await Promise.all(underWay);
  check(log);
  isHard = false;
  while (holes().length > 0) await fetcher.fetchPage(holes().at(-1), "before");
  for (const block of blocks()) if (log.pieces[block.order] === block) await fetcher.load(block);
  const seen = check(log);
  const shown = new Set(seen);
  assert.deepEqual(service.all.map((line) => numberOf(line.id)).filter((n) => !shown.has(n)), [], "what the service has is shown");
  let before = -1;
  let isGap = false;
  for (const what of seen) {
    if (what === "gap") isGap = true;
    else {
      // Before the first line nobody has looked: a stream tells of that.
      assert.ok(what === before + 1 || isGap || before === -1, `${before} and then ${what} without a gap`);
      [before, isGap] = [what, false];
    }
  }
}

for (let seed = 1; seed <= HISTORIES; seed += 1) test(`history ${seed}`, () => run(seed));
