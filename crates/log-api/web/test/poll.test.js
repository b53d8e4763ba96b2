// Pages instead of a stream: they must tell the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { compareIds } from "../client/ids.js";
import { firstGap, follow } from "../client/index.js";

const line = (n) => ({ id: `${n}-0`, ts: null, source: "stdout", text: `line ${n}`, phase: null });
const numbered = (from, to) => Array.from({ length: to - from }, (_, at) => line(from + at));

/** A service behind a proxy that holds streams back. Each poll runs the next step, which may change the log. */
function behindProxy(all, steps) {
  const service = { all, terminal: false, asked: [] };
  const mute = (signal) => new Response(new ReadableStream({ start: (to) => signal.addEventListener("abort", () => to.error(new Error("aborted"))) }));
  service.fetch = async (address, { signal }) => {
    const url = new URL(address, "http://x");
    service.asked.push(url.pathname);
    if (url.pathname.endsWith("/stream")) return mute(signal);
    if (url.pathname.endsWith("/status")) {
      steps.shift()?.(service);
      return Response.json({ status: service.terminal ? "ready" : "code", terminal: service.terminal });
    }
    const { after_id: after, limit } = Object.fromEntries(url.searchParams);
    const inside = service.all.filter(({ id }) => !after || compareIds(id, after) > 0);
    const lines = after ? inside.slice(0, limit) : inside.slice(-limit);
    return Response.json({ lines, has_more: lines.length < inside.length, newest_id: lines.at(-1)?.id ?? null });
  };
  return service;
}

async function events(service, after) {
  const taken = [];
  for await (const event of follow({ job: "j", random: () => 0, after, fetch: service.fetch, firstByteMs: 10, pollMs: 5 })) {
    if (event.type === "lines") taken.push(...event.lines.map(({ id }) => id));
    if (event.type === "gap") taken.push(`gap ${event.after} ${event.first}`);
    if (event.type === "done") taken.push(event.status);
  }
  return taken;
}

const end = (service) => (service.terminal = true);

test("every line comes once, also the last ones that come behind the status", async () => {
  const service = behindProxy(numbered(1, 1202), [() => {}, () => {}, () => {}, end, (service) => service.all.push(line(1202))]);
  assert.deepEqual(await events(service), [...numbered(1, 1203).map(({ id }) => id), "ready"]);
});

test("lines that were trimmed before they were read are a gap", async () => {
  const service = behindProxy(numbered(1, 4), [() => {}, (service) => (service.all = numbered(10, 12)), end]);
  assert.deepEqual(await events(service), ["1-0", "2-0", "3-0", "gap 3-0 10-0", "10-0", "11-0", "ready"]);
});

test("a trim that nobody has missed is no gap", async () => {
  const service = behindProxy(numbered(1, 4), [() => {}, (service) => (service.all = [line(3), line(4)]), end]);
  assert.deepEqual(await events(service), ["1-0", "2-0", "3-0", "4-0", "ready"]);
});

test("a log that was deleted and written anew is a gap, and is read from its start", async () => {
  const service = behindProxy(numbered(50, 53), [() => {}, (service) => (service.all = []), (service) => (service.all = [line(7)]), end]);
  assert.deepEqual(await events(service), ["50-0", "51-0", "52-0", "gap 52-0 null", "7-0", "ready"]);
});

test("a log that a failover cut back is a gap, and goes on behind its last line", async () => {
  const service = behindProxy(numbered(1, 10), [() => {}, (service) => (service.all = numbered(1, 6)), (service) => service.all.push(line(20)), end]);
  assert.deepEqual(await events(service), [...numbered(1, 10).map(({ id }) => id), "gap 9-0 null", "20-0", "ready"]);
});

test("who wants only what comes from now on gets nothing from before", async () => {
  const service = behindProxy(numbered(1, 700), [() => {}, (service) => service.all.push(line(700)), end]);
  assert.deepEqual(await events(service, "end"), ["700-0", "ready"]);
});

const frame = (event, data) => `event: ${event}\nid: 0-0\ndata: ${JSON.stringify(data)}\n\n`;

test("whether a log was trimmed is read from the beginning of a stream, which is then closed", async () => {
  const ask = async (...frames) => {
    let connection;
    const fetch = async (url, { signal }) => ((connection = signal), new Response(frames.join("")));
    const gap = await firstGap({ job: "j", fetch });
    assert.ok(connection.aborted);
    return gap;
  };
  const [heartbeat, log] = [frame("heartbeat", {}), frame("log", line(5))];
  assert.deepEqual(await ask(heartbeat, frame("gap", { after_id: "0-0", first_id: "5-0" }), log), { first: "5-0" });
  assert.equal(await ask(heartbeat, log), null);
  assert.equal(await ask(heartbeat, frame("done", { status: "ready" })), null);
  await assert.rejects(ask(heartbeat), /ended early/);
});
