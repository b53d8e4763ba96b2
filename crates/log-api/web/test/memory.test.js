// What a page keeps of lines whose texts it has given up: little, and enough to know where each line is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { BLOCK_LINES, Block, FAILURE, OPEN, SUPERSEDED } from "../model/block.js";
import { Column } from "../model/column.js";
import { Log } from "../model/log.js";

const T = 1700000000000;
const line = (n, text, more = {}) => ({ id: `${T + n}-0`, ts: null, source: n % 3 === 0 ? "stderr" : "stdout", text, phase: "code", ...more });
/** Lines of many widths, some of them errors. */
const build = (from, to, more) => Array.from({ length: to - from }, (_, at) => line(from + at, `${n(from + at)} ${"x".repeat(((from + at) * 7919) % 90)}`, more));
const n = (number) => (number % 50 === 0 ? "error: no such file" : `line ${number}`);

function collected() {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test("a line whose text was given up takes less than three bytes", () => {
  const log = new Log();
  const follow = (from, to) => {
    for (let at = from; at < to; at += 1000) {
      log.append(build(at, at + 1000));
      log.unload(1_000_000, log.pieces.length);
    }
    return log.rows;
  };
  follow(0, 50_000);
  const before = collected();
  assert.equal(follow(50_000, 300_000), 300_001, "and the heading of the phase");
  const each = (collected() - before) / 250_000;
  assert.ok(each < 3, `${each} bytes a line`);
});

test("wrapped lines have as many rows without their texts as with them, at every width of the window", () => {
  const log = new Log();
  const all = build(0, 4 * BLOCK_LINES);
  log.append(all);
  const widths = [200, 80, 47, 20, 7];
  const rowsAt = () => widths.map((columns) => (log.setColumns(columns), [log.rows, ...log.pieces.map((piece) => piece.rows)]));
  const expected = rowsAt();
  for (const block of log.pieces) block.unload();
  assert.deepEqual(rowsAt(), expected);
  log.setColumns(20);
  const heights = (block) => Array.from({ length: block.count }, (_, at) => log.lineRows(block, at));
  const fresh = new Log();
  fresh.setColumns(20);
  fresh.append(all);
  for (const block of [...log.pieces]) log.reload(block, all.slice(block.order * BLOCK_LINES, (block.order + 1) * BLOCK_LINES));
  assert.deepEqual(log.pieces.map(heights), fresh.pieces.map(heights), "each line has its own height again");
});

test("lines that are replaced or closed keep the heights of the others in order", () => {
  const log = new Log();
  log.setColumns(20);
  log.append(build(0, BLOCK_LINES).map((one, at) => (at % 4 === 0 ? { ...one, open: true } : one)));
  const [block] = log.pieces;
  const before = [log.rows, block.shown, log.lineRows(block, 5), log.lineRows(block, 0)];
  assert.ok(block.has(0, SUPERSEDED));
  block.unload();
  log.changed(block);
  assert.deepEqual([log.rows, block.shown, log.lineRows(block, 5), log.lineRows(block, 0)], before);
});

test("a block knows its errors without its texts, and the source of each line when they are back", () => {
  const log = new Log();
  const all = build(0, BLOCK_LINES).map((one, at) => (at === BLOCK_LINES - 1 ? { ...one, open: true } : one));
  log.append(all);
  const [block] = log.pieces;
  const flags = () => Array.from({ length: block.count }, (_, at) => block.flags(at));
  const [before, failures] = [flags(), block.failures];
  assert.deepEqual(failures.slice(0, 3), [0, 50, 100]);
  block.unload();
  assert.deepEqual(block.failures, failures);
  assert.ok(block.has(50, FAILURE) && !block.has(51, FAILURE));
  log.reload(block, all);
  assert.deepEqual(flags(), before);
  assert.ok(block.has(BLOCK_LINES - 1, OPEN));
  log.append([line(9999, "the end of the open line", { source: all.at(-1).source })]);
  assert.ok(block.has(BLOCK_LINES - 1, SUPERSEDED), "what ends an open line finds it");
});

test("an error whose line is replaced goes on to the next line that tells of it", () => {
  const block = new Block();
  for (const at of [0, 1, 2]) block.push(line(at, "error: wrong", { source: "stdout", open: at < 2 }));
  assert.deepEqual([block.failureCount, block.failures], [1, [2]]);
});

test("a column gives every number back, whatever it is packed to", () => {
  const kinds = { same: () => 7, bytes: (at) => (at * 31) % 200, large: (at) => (at === 3 ? 65_535 : at % 3), many: (at) => at * 100 };
  for (const [name, number] of Object.entries(kinds)) {
    const column = new Column();
    const expected = Array.from({ length: 500 }, (_, at) => number(at));
    expected.forEach((one) => column.push(one));
    const all = () => expected.map((_, at) => column.get(at));
    assert.deepEqual(all(), expected, name);
    column.pack();
    assert.deepEqual(all(), expected, `${name}, packed`);
    column.set(4, 300);
    expected[4] = 300;
    assert.deepEqual(all(), expected, `${name}, changed`);
    column.forgetOrder();
    assert.deepEqual(all().sort((a, b) => a - b), [...expected].sort((a, b) => a - b), `${name}, without order`);
  }
});
