import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_LINES, Block } from "../model/block.js";
import { readFragment, writeFragment } from "../model/fragment.js";
import { gapWords } from "../model/gap-words.js";
import { Groups } from "../model/groups.js";
import { Log } from "../model/log.js";
import { Gap, Hole } from "../model/pieces.js";
import { readMark } from "../model/marks.js";
import { Matches } from "../model/matches.js";
import { CAP, barHeight, barOf, clamp, moved } from "../model/scroll.js";
import { shownState } from "../model/state.js";
import { duration, durationWords, marginTime } from "../model/times.js";
import { plain } from "../text/ansi.js";

const T = 1700000000000;
const line = (n, text = `line ${n}`, more = {}) => ({ id: `${T + n}-0`, ts: null, source: "stdout", text, phase: null, ...more });
const lines = (from, to, more) => Array.from({ length: to - from }, (_, at) => line(from + at, undefined, more));
const logOf = (...all) => { const log = new Log(); log.append(all.flat()); return log; };

/** What the rows of a log show, by walking over all of them. */
function shown(log) {
  const seen = [];
  for (let row = 0; row < log.rows; row += 1) {
    const at = log.at(row);
    assert.ok(at.row <= row, `row ${row}`);
    assert.equal(log.rowOf(at.piece, at.index), at.row, `row ${row} there and back`);
    const what = at.piece instanceof Block ? at.piece.text(at.index) : at.piece.kind;
    if (seen.at(-1)?.at !== at.row) seen.push({ what, at: at.row });
  }
  return seen.map(({ what }) => what);
}

test("rows and lines are found from each other over many blocks", () => {
  const log = logOf(lines(0, 3 * BLOCK_LINES + 7));
  assert.equal(log.rows, 3 * BLOCK_LINES + 7);
  assert.equal(shown(log).at(-1), `line ${3 * BLOCK_LINES + 6}`);
  const { place, exact } = log.find(`${T + 700}-0`);
  assert.ok(exact);
  assert.equal(log.number(place.block, place.index), 701);
});

test("lines that are known already are not taken again", () => {
  const log = logOf(lines(0, 10));
  assert.equal(log.append(lines(5, 12)), 2);
  assert.equal(log.lines, 12);
});

test("an open line gives its place to the next one of its source only", () => {
  const log = logOf(line(0, "10%", { open: true }), line(1, "other", { source: "stderr" }), line(2, "50%", { open: true }), line(3, "done"), line(4, "next"));
  assert.deepEqual(shown(log), ["other", "done", "next"]);
  assert.equal(log.lines, 3);
  log.append([line(5, "1/9", { open: true })]);
  assert.deepEqual(shown(log).at(-1), "1/9", "the last one stays until something takes its place");
  log.append(lines(6, 6 + BLOCK_LINES));
  assert.ok(!shown(log).includes("1/9"), "also from another block");
});

test("a hole is filled from either side, and an open line before it ends behind it", () => {
  const log = logOf(lines(1000, 1010));
  log.addHoleBefore();
  assert.deepEqual(shown(log).slice(0, 2), ["hole", "line 1000"]);
  log.fill(log.hole, lines(500, 1000), { above: true, below: false });
  assert.deepEqual(shown(log).slice(0, 2), ["hole", "line 500"]);
  log.fill(log.hole, [...lines(0, 499), line(499, "open", { open: true })], { above: false, below: false });
  assert.equal(log.hole, undefined);
  assert.equal(shown(log)[0], "line 0");
  assert.ok(!shown(log).includes("open"));
  const { place } = log.find(`${T + 600}-0`);
  assert.equal(log.number(place.block, place.index), 600, "the superseded line has no number");
});

test("a hole is divided around a line, and a page that goes over its edge closes it there", () => {
  const log = logOf(lines(1000, 1010));
  log.addHoleBefore();
  log.fill(log.hole, lines(400, 600), { above: true, below: true });
  assert.deepEqual(log.pieces.map((piece) => piece.kind), ["hole", "lines", "hole", "lines"]);
  assert.equal(log.number(log.pieces[3], 0), 0, "a number that would be wrong is not shown");
  log.fill(log.pieces[2], lines(599, 1100), { above: false, below: true });
  assert.deepEqual(log.pieces.map((piece) => piece.kind), ["hole", "lines", "lines", "lines"]);
  assert.equal(log.rows, 2 + 610);
});

test("texts are given up far from the reader, and come back the same", () => {
  const log = logOf(lines(0, 20 * BLOCK_LINES));
  log.unload(40_000, 10);
  const unloaded = log.pieces.filter((piece) => !piece.isLoaded);
  assert.ok(unloaded.length > 10 && log.pieces[10].isLoaded, `${unloaded.length}`);
  assert.equal(log.rows, 20 * BLOCK_LINES, "they keep their rows");
  const [block] = unloaded;
  const from = block.order * BLOCK_LINES;
  log.reload(block, lines(from, from + BLOCK_LINES));
  assert.equal(block.text(3), `line ${from + 3}`);
  assert.equal(block.id(3), `${T + from + 3}-0`);
});

test("lines that were trimmed meanwhile are a gap that says so", () => {
  const log = logOf(lines(0, 3 * BLOCK_LINES));
  log.pieces[0].unload();
  log.reload(log.pieces[0], lines(500, BLOCK_LINES));
  assert.ok(log.pieces[0] instanceof Gap);
  assert.match(gapWords(log.pieces[0]), /no longer kept/);
  assert.equal(log.lines, 2 * BLOCK_LINES + 12);
});

test("a gap stands where the lines are missing, and at the start for a log that was trimmed", () => {
  const log = logOf(lines(0, 5));
  log.addGap(`${T + 4}-0`, `${T + 9}-0`);
  log.append(lines(9, 11));
  assert.deepEqual(shown(log), ["line 0", "line 1", "line 2", "line 3", "line 4", "gap", "line 9", "line 10"]);
  const trimmed = logOf(lines(7, 9));
  trimmed.addGap("0-0", `${T + 7}-0`);
  assert.equal(shown(trimmed)[0], "gap");
  assert.equal(trimmed.number(trimmed.pieces[1], 0), 0, "numbers that would be wrong");
  trimmed.append(lines(7, 10));
  assert.equal(trimmed.lines, 3, "what is known does not come twice");
});

test("a log that was written anew goes on with its new ids", () => {
  const log = logOf(lines(100, 103));
  log.addGap(`${T + 102}-0`, null);
  log.append(lines(0, 2));
  assert.deepEqual(shown(log).slice(-3), ["gap", "line 0", "line 1"]);
});

test("lines that go on as before are no other structure, however many", () => {
  const log = new Log();
  const phase = (name, from, to) => lines(from, to).map((one) => ({ ...one, phase: name }));
  log.append(phase("code", 0, 10));
  const { structure } = log;
  log.append(phase("code", 10, 3000));
  assert.equal(log.structure, structure);
  log.append(phase("checks", 3000, 3001));
  assert.ok(log.structure > structure);
});

test("behind the last row there is nothing", () => {
  const log = new Log();
  assert.equal(log.at(0), null);
  log.append(lines(0, 700));
  assert.equal(log.at(log.rows - 1).index, 700 - BLOCK_LINES - 1);
  assert.equal(log.at(log.rows), null);
});

test("wrapped lines take the rows of their cells", () => {
  const log = logOf(line(0, "x".repeat(100)), line(1, "日".repeat(30)), line(2, ""), line(3, "\x1b[31m" + "y".repeat(40)));
  log.setColumns(40);
  assert.equal(log.rows, 3 + 2 + 1 + 1);
  log.correct(log.pieces[0], 1, 3);
  assert.equal(log.rows, 8);
  log.setColumns(0);
  assert.equal(log.rows, 4);
});

const groupsOf = (log) => { const groups = new Groups(); groups.read(log); groups.hide(log); return groups; };
const titles = (groups) => groups.all.map(({ title, level, end, failed }) => [title, level, end !== null, failed]);

test("phases are groups with a heading and a duration, also over blocks that came in another order", () => {
  const install = lines(0, 600, { phase: "install" });
  const checks = lines(600, 700, { phase: "checks" });
  const log = logOf(checks);
  log.addHoleBefore();
  log.fill(log.hole, install.slice(100), { above: true, below: false });
  log.fill(log.hole, install.slice(0, 100), { above: false, below: false });
  const groups = groupsOf(log);
  assert.deepEqual(titles(groups), [["install", 0, true, false], ["checks", 0, false, false]]);
  assert.equal(groups.all[0].to - groups.all[0].from, 600);
  assert.equal(log.rows, 702, "two headings");
  groups.choose(groups.all[0], false);
  groups.hide(log);
  assert.equal(log.rows, 102, "one row for the closed phase");
  assert.deepEqual(shown(log)[0], "line 0");
  assert.deepEqual(shown(log)[1], "line 600");
});

test("a line without a phase is in the phase around it", () => {
  const log = logOf(line(0, "a", { phase: "code" }), line(1, "b"), line(2, "c", { phase: "code" }));
  assert.equal(groupsOf(log).all.length, 1);
});

test("GitHub's groups do not nest, and are closed unless something failed in them", () => {
  const log = logOf(line(0, "::group::One"), line(1, "a"), line(2, "::group::Two"), line(3, "error: no"), line(4, "::endgroup::"), line(5, "end"), line(6, "##[group]Three"), line(7, "x"), line(8, "##[endgroup]"));
  const groups = groupsOf(log);
  assert.deepEqual(titles(groups), [["One", 0, true, false], ["Two", 0, true, true], ["Three", 0, true, false]]);
  assert.deepEqual(shown(log), ["::group::One", "::group::Two", "error: no", "end", "##[group]Three"]);
});

test("GitLab's sections nest and end by name, and travis_fold too", () => {
  const gitlab = logOf(line(0, "section_start:1700000000:a\r\x1b[0KOuter"), line(1, "section_start:1700000001:b[collapsed=true]\r\x1b[0K\x1b[36mInner\x1b[0m"), line(2, "x"), line(3, "section_end:1700000002:b\r\x1b[0K"), line(4, "y"), line(5, "section_end:1700000003:a\r\x1b[0K"), line(6, "z"));
  const groups = groupsOf(gitlab);
  assert.deepEqual(titles(groups), [["Outer", 0, true, false], ["Inner", 1, true, false]]);
  assert.equal(gitlab.rows, 4, "the inner one is closed; what ends a section is not shown");
  const travis = logOf(line(0, "travis_fold:start:x\r\x1b[0K$ make"), line(1, "a"), line(2, "travis_fold:end:x\r\x1b[0K"));
  assert.deepEqual(titles(groupsOf(travis)), [["$ make", 0, true, false]]);
});

test("Buildkite's sections follow each other, +++ is open and ^^^ opens the last one", () => {
  const log = logOf(line(0, "--- Build"), line(1, "a"), line(2, "+++ Test"), line(3, "b"), line(4, "--- Upload"), line(5, "c"), line(6, "^^^ +++"), line(7, "--- Last"), line(8, "d"));
  const groups = groupsOf(log);
  assert.deepEqual(groups.all.map((group) => [group.title, groups.isOpen(group)]), [["Build", false], ["Test", true], ["Upload", true], ["Last", true]]);
});

test("what only looks like a mark is a line", () => {
  for (const text of ["--- a/src/main.rs", "+++ b/src/main.rs", "---- bad stdout ----", "--- /dev/null", "--- FAIL: TestX (0.00s)", "-----", "::warning::x", "a ::group::b", "section_x"]) {
    assert.equal(readMark(text, plain(text)), null, text);
  }
  assert.equal(readMark("\x1b[1m::group::X", "::group::X").title, "X", "a colour before it does not matter");
});

test("what a reader has opened or closed stays so", () => {
  const log = logOf(line(0, "::group::One"), line(1, "a"), line(2, "::endgroup::"));
  const groups = groupsOf(log);
  groups.choose(groups.all[0], true);
  log.append([line(3, "::group::Two"), line(4, "b"), line(5, "::endgroup::")]);
  groups.read(log);
  groups.hide(log);
  assert.deepEqual(groups.all.map((group) => groups.isOpen(group)), [true, false]);
  assert.ok(groups.reveal({ block: log.pieces[0], index: 4 }));
  assert.ok(groups.isOpen(groups.all[1]));
});

test("a group that goes on and is closed hides what comes", () => {
  const log = logOf(line(0, "::group::One"), line(1, "a"));
  const groups = groupsOf(log);
  groups.choose(groups.all[0], false);
  groups.hide(log);
  log.append([line(2, "b")]);
  groups.hideNew(log);
  assert.equal(log.rows, 1);
});

test("a scroll bar below the cap is the offset itself", () => {
  assert.equal(barHeight(1000), 1000);
  assert.equal(barOf(123, 1000, 100), 123);
  assert.equal(moved(0, 0, 77, 1000, 100), 77);
});

test("above the cap small moves are exact, jumps are scaled, and both ends are reached", () => {
  const [total, view] = [20_000_000 * 20, 800];
  assert.equal(barHeight(total), CAP);
  assert.equal(barOf(total - view, total, view), CAP - view);
  const offset = 1_000_000;
  const bar = barOf(offset, total, view);
  assert.equal(moved(offset, bar, bar + 60, total, view), offset + 60);
  const half = moved(offset, bar, (CAP - view) / 2, total, view);
  assert.ok(Math.abs(half - (total - view) / 2) < 1);
  assert.equal(moved(offset, bar, CAP - view, total, view), total - view);
  assert.equal(moved(offset, 60, 0, total, view), 0);
  assert.equal(clamp(-5, total, view), 0);
  assert.equal(clamp(5, 100, 200), 0);
});

test("a fragment is a line, a range, or a token with a line", () => {
  assert.deepEqual(readFragment("#5-0").target, { from: "5-0", to: "5-0" });
  assert.deepEqual(readFragment("#9-0,5-1").target, { from: "5-1", to: "9-0" });
  assert.deepEqual(readFragment("#5-0%2C9-0").target, { from: "5-0", to: "9-0" });
  assert.deepEqual(readFragment("#token=a.b.c&at=5-0"), { target: { from: "5-0", to: "5-0" }, token: "a.b.c", code: null });
  assert.equal(readFragment("#code=abc").code, "abc");
  for (const bad of ["", "#", "#x", "#5", "#5-0,", "#1-0,2-0,3-0", "#%", "#-1-0"]) assert.equal(readFragment(bad).target, null, bad);
  assert.equal(writeFragment({ from: "5-0", to: "9-0" }), "#5-0,9-0");
  assert.equal(writeFragment({ from: "5-0", to: "5-0" }), "#5-0");
});

test("matches are in the order of the log, once each, and the place is kept", () => {
  const matches = new Matches();
  for (const id of ["5-0", "9-0", "10-0", "7-0", "9-0"]) matches.add(id);
  assert.deepEqual(matches.ids, ["5-0", "7-0", "9-0", "10-0"]);
  assert.equal(matches.goNear("8-0"), "9-0");
  matches.add("1-0");
  assert.equal(matches.current, "9-0");
  assert.equal(matches.words, "4 of 5, still searching");
  matches.state = "done";
  assert.equal(matches.step(1), "10-0");
  assert.equal(matches.step(1), "1-0", "from the last to the first");
  assert.equal(matches.step(-1), "10-0");
  assert.equal(new Matches().words, "Searching…");
});

const facts = (more) => ({ jobStatus: "code", createdAt: T, endedAt: NaN, connection: { state: "live" }, interrupted: false, done: null, refusal: null, lines: 5, lastLineAt: T, message: "", ...more });
const stateOf = (more, now = T + 1000) => shownState(facts(more), now);

test("every state has its word", () => {
  const waiting = (cause) => ({ connection: { state: "waiting", retryAt: T + 5000, cause, detail: "No" } });
  const cases = [
    [{ jobStatus: "queued", lines: 0 }, "queued"], [{ jobStatus: "scheduled", lines: 0 }, "queued"], [{ lines: 0 }, "starting"],
    [{ lines: 0, connection: null, jobStatus: null }, "starting"], [{}, "live"], [{ lastLineAt: T - 130_000 }, "silent"],
    [waiting("network"), "reconnecting"], [waiting("silent"), "reconnecting"], [{ connection: { state: "connecting" }, interrupted: true }, "reconnecting"], [{ connection: { state: "connecting" } }, "starting"],
    [{ connection: { state: "offline" } }, "offline"], [{ done: "ready" }, "ended"], [{ done: "failed" }, "failed"], [{ done: "deleted" }, "deleted"],
    [{ refusal: { status: 404, code: "job-not-found", message: "" } }, "denied"], [{ refusal: { status: 401, code: "x", message: "" } }, "signed-out"],
    [waiting("limited"), "limited"], [waiting("unavailable"), "unavailable"], [{ refusal: { status: 422, code: "x", message: "Bad" } }, "unavailable"],
  ];
  for (const [more, name] of cases) assert.equal(stateOf(more).name, name, JSON.stringify(more));
});

test("states say what a reader wants to know", () => {
  assert.match(stateOf({ connection: { state: "waiting", retryAt: T + 5000, cause: "network", detail: "" } }).detail, /Next try in 4 s/);
  assert.equal(stateOf({ done: "ready" }).word, "Succeeded");
  assert.equal(stateOf({ done: "cancelled" }).word, "Cancelled");
  assert.equal(stateOf({ done: "failed", endedAt: T + 125_000 }).detail, "after 2 min 5 s");
  assert.match(stateOf({ lastLineAt: T - 129_000 }).word, /No output for 2:10/);
  assert.match(stateOf({ lines: 0 }, T + 12_000).detail, /No output yet\. Created 0:12 ago/);
  assert.match(stateOf({ connection: { state: "waiting", retryAt: T, cause: "unavailable", detail: "x" } }).detail, /The log is safe/);
});

test("times in the margin", () => {
  assert.equal(marginTime("off", T, T, T), "");
  assert.equal(marginTime("start", T + 61_000, T, T), "1:01");
  assert.equal(marginTime("before", T + 900, T, T), "", "less than a second says nothing");
  assert.equal(marginTime("before", T + 65_000, T, T), "+1:05");
  assert.equal(marginTime("clock", NaN, T, T), "");
  assert.equal(duration(3_723_000), "1:02:03");
  assert.deepEqual([3200, 12_000, 125_000, 3_720_000].map(durationWords), ["3.2 s", "12 s", "2 min 5 s", "1 h 2 min"]);
});

test("a gap tells of the times around it", () => {
  const words = gapWords({ after: `${T}-0`, first: `${T + 6000}-0`, why: "missing" });
  assert.match(words, /^Lines between \d\d:\d\d:\d\d and \d\d:\d\d:\d\d are missing/);
  assert.match(gapWords({ after: "0-0", first: `${T}-0`, why: "missing" }), /^Lines before /);
  assert.match(gapWords({ after: "5-0", first: null, why: "missing" }), /^Lines are missing/);
});

test("an empty log has no rows", () => {
  const log = new Log();
  assert.equal(log.rows, 0);
  assert.equal(log.at(0), null);
  assert.equal(log.find("5-0"), null);
  log.addGap("5-0", null);
  assert.equal(log.rows, 2);
  assert.ok(log.pieces[0] instanceof Gap && !(log.pieces[0] instanceof Hole));
});

test("a group that nothing closes has a duration once the job has ended, and stays open", () => {
  const log = logOf(line(0, "::group::last"), line(1500, "in it"));
  const groups = new Groups();
  groups.read(log);
  assert.ok(Number.isNaN(groups.all[0].to));
  groups.keep(log.lastTime);
  groups.read(log);
  const [last] = groups.all;
  assert.deepEqual([last.to - last.from, last.end, groups.isOpen(last)], [1500, null, true]);
});

test("new lines of a closed group are hidden as if all were hidden anew", () => {
  for (const first of [line(1, "::group::closed"), line(1, "in a phase", { phase: "code" })]) {
    const log = logOf(line(0, "before", { phase: "scaffold" }), first);
    const groups = new Groups();
    groups.read(log);
    groups.choose(groups.all.at(-1), false);
    groups.hide(log);
    for (let at = 2; at < 3 * BLOCK_LINES; at += 100) {
      log.append(lines(at, at + 100, { phase: first.phase }));
      groups.hideNew(log);
      const seen = shown(log);
      groups.hide(log);
      assert.deepEqual(seen, shown(log));
      assert.equal(log.rows, 3, "two headings and the line before");
    }
  }
});
