import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../client/backoff.js";
import { compareIds, idAfter, idBefore, idTime } from "../client/ids.js";
import { ApiError, follow, page, readAll, search, searchAll } from "../client/index.js";
import { SseParser } from "../client/sse.js";

const MAX = "18446744073709551615";

test("ids are compared as numbers of 64 bits", () => {
  const order = ["0-0", "0-1", "5-0", "10-0", "10-2", "10-10", "1700000000000-0", `${MAX}-0`, `${MAX}-${MAX}`];
  const mixed = [...order].reverse();
  assert.deepEqual(mixed.sort(compareIds), order);
  assert.equal(compareIds("5", "5-0"), 0);
});

test("the ids next to an id", () => {
  assert.equal(idBefore("5-3"), "5-2");
  assert.equal(idBefore("5-0"), `4-${MAX}`);
  assert.equal(idBefore("0-0"), "0-0");
  assert.equal(idAfter("5-3"), "5-4");
  assert.equal(idAfter(`5-${MAX}`), "6-0");
  assert.ok(Number.isNaN(idTime("5-0")));
  assert.equal(idTime("1700000000000-3"), 1700000000000);
});

test("an event stream is read the same however it is cut", () => {
  const text = "\uFEFFevent: heartbeat\nid: 1-0\nretry: 500\ndata: {}\n\n: a comment\n\nevent: log\r\nid: 2-0\r\ndata: a\r\ndata: b\r\n\r\ndata:c\rid\r\revent: log\ndata: é😀\n\n";
  const whole = new SseParser().push(text);
  assert.deepEqual(whole, [
    { event: "heartbeat", data: "{}", id: "1-0", retry: 500 },
    { event: "log", data: "a\nb", id: "2-0", retry: null },
    { event: "message", data: "c", id: "", retry: null },
    { event: "log", data: "é😀", id: null, retry: null },
  ]);
  for (let cut = 1; cut < text.length; cut += 1) {
    const parser = new SseParser();
    assert.deepEqual([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))], whole, `cut at ${cut}`);
  }
  const parser = new SseParser();
  assert.deepEqual([...text].flatMap((one) => parser.push(one)), whole);
});

test("pauses grow to half a minute, obey the server and begin anew after health", () => {
  const backoff = new Backoff(() => 1);
  const pauses = Array.from({ length: 10 }, () => backoff.next());
  assert.deepEqual(pauses, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  assert.equal(backoff.next(45_000), 45_000);
  backoff.reset();
  assert.equal(backoff.next(), 250);
  assert.equal(new Backoff(() => 0).next(100), 100);
});

/** A service whose answers are given one by one. Each may look at the request. */
function service(...answers) {
  const asked = [];
  const ask = async (url, init) => {
    asked.push({ url, headers: init.headers, credentials: init.credentials });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    return typeof answer === "function" ? answer(init) : answer;
  };
  return { asked, fetch: ask };
}

const line = (id, text = id) => ({ id, ts: null, source: "stdout", text, phase: null });
const logFrame = (id) => `event: log\nid: ${id}\ndata: ${JSON.stringify(line(id))}\n\n`;
const done = (id, status = "ready") => `event: done\nid: ${id}\ndata: {"status":"${status}"}\n\n`;

/** An answer with this body. `broken`: it breaks off behind it; `open`: it stays open until it is aborted. */
function stream(pieces, end = "close") {
  return ({ signal } = {}) => {
    const encoder = new TextEncoder();
    let at = 0;
    return new Response(new ReadableStream({
      start(controller) {
        signal?.addEventListener("abort", () => { try { controller.error(new Error("aborted")); } catch { /* closed */ } });
      },
      pull(controller) {
        if (at < pieces.length) return controller.enqueue(encoder.encode(pieces[at++]));
        if (end === "broken") controller.error(new Error("broken"));
        else if (end === "close") controller.close();
        return undefined;
      },
    }), { headers: { "Content-Type": "text/event-stream" } });
  };
}

const problem = (status, code, headers = {}) => () => new Response(JSON.stringify({ detail: "No", code }), { status, headers });

async function take(following) {
  const events = [];
  for await (const event of following) if (event.type !== "state" && event.type !== "heartbeat") events.push(event);
  return events;
}

const quick = { job: "j", random: () => 0 };
const idsOf = (events) => events.filter(({ type }) => type === "lines").flatMap(({ lines }) => lines.map(({ id }) => id));

test("lines come in batches, and done is the end", async () => {
  const { fetch, asked } = service(stream([logFrame("1-0") + logFrame("2-0"), logFrame("3-0") + done("3-0", "failed")]));
  const events = await take(follow({ ...quick, fetch }));
  assert.deepEqual(events.map(({ type }) => type), ["lines", "lines", "done"]);
  assert.deepEqual(idsOf(events), ["1-0", "2-0", "3-0"]);
  assert.equal(events[2].status, "failed");
  assert.match(asked[0].url, /\/api\/jobs\/j\/logs\/stream\?after_id=0-0$/);
});

for (const end of ["broken", "close"]) {
  test(`a body that ends without done (${end}) is continued after the last line, wherever it was cut`, async () => {
    const whole = logFrame("1-0") + logFrame("2-0") + logFrame("3-0") + done("3-0");
    for (let cut = 0; cut < whole.length; cut += 7) {
      const after = { "0-0": whole, "1-0": whole.slice(logFrame("1-0").length), "2-0": logFrame("3-0") + done("3-0"), "3-0": done("3-0") };
      let calls = 0;
      const fetch = async (url, init) => {
        calls += 1;
        const cursor = new URL(url, "http://x").searchParams.get("after_id");
        return calls === 1 ? stream([whole.slice(0, cut)], end)(init) : stream([after[cursor]])(init);
      };
      const following = follow({ ...quick, fetch });
      assert.deepEqual(idsOf(await take(following)), ["1-0", "2-0", "3-0"], `cut at ${cut}`);
      assert.equal(following.duplicates, 0);
    }
  });
}

test("lines that come twice are dropped and counted", async () => {
  const { fetch } = service(stream([logFrame("1-0") + logFrame("1-0") + logFrame("2-0") + done("2-0")]));
  const following = follow({ ...quick, fetch });
  assert.deepEqual(idsOf(await take(following)), ["1-0", "2-0"]);
  assert.equal(following.duplicates, 1);
});

test("a gap is told in its place, and may move the cursor back", async () => {
  const gap = `event: gap\nid: 0-0\ndata: {"after_id":"9-0","first_id":null}\n\n`;
  const { fetch } = service(stream([gap + logFrame("1-0") + done("1-0")]));
  const events = await take(follow({ ...quick, after: "9-0", fetch }));
  assert.deepEqual(events[0], { type: "gap", after: "9-0", first: null });
  assert.deepEqual(idsOf(events), ["1-0"]);
});

test("a token is asked for at every connection, and once more if it is refused", async () => {
  const reasons = [];
  const getToken = async ({ reason }) => (reasons.push(reason), `t${reasons.length}`);
  const { fetch, asked } = service(stream([logFrame("1-0")], "broken"), problem(401, "unauthenticated"), stream([done("1-0")]));
  await take(follow({ ...quick, fetch, getToken }));
  assert.deepEqual(reasons, ["connect", "connect", "rejected"]);
  assert.deepEqual(asked.map(({ headers }) => headers.Authorization), ["Bearer t1", "Bearer t2", "Bearer t3"]);
  assert.ok(asked.every(({ credentials }) => credentials === "omit"));
});

test("twice refused is signed out, and so is no token; nothing more is asked", async () => {
  const refused = service(problem(401, "unauthenticated"));
  await assert.rejects(take(follow({ ...quick, fetch: refused.fetch, getToken: () => "t" })), { status: 401 });
  assert.equal(refused.asked.length, 2);
  const nobody = service(problem(401, "unauthenticated"));
  await assert.rejects(take(follow({ ...quick, fetch: nobody.fetch, getToken: () => null })), { status: 401, code: "signed-out" });
  assert.equal(nobody.asked.length, 0);
});

test("404 and 422 are final; 429, 503 and a lost network are not", async () => {
  for (const status of [404, 422, 403]) {
    await assert.rejects(take(follow({ ...quick, fetch: service(problem(status, "x")).fetch })), (error) => error instanceof ApiError && error.status === status);
  }
  const { fetch } = service(problem(503, "x"), problem(429, "x"), () => Promise.reject(new TypeError("network")), problem(500, "x"), stream([logFrame("1-0") + done("1-0")]));
  const states = [];
  for await (const event of follow({ ...quick, fetch })) if (event.type === "state") states.push(event.cause ?? event.state);
  assert.deepEqual(states, ["connecting", "unavailable", "connecting", "limited", "connecting", "network", "connecting", "unavailable", "connecting", "live"]);
});

test("Retry-After is a lower bound, and retryNow does not wait for it", async () => {
  const { fetch } = service(problem(503, "x", { "Retry-After": "600" }), stream([done("1-0")]));
  const following = follow({ ...quick, fetch });
  let wait = 0;
  for await (const event of following) {
    if (event.type !== "state" || event.state !== "waiting") continue;
    wait = event.retryAt - Date.now();
    setTimeout(() => following.retryNow(), 10);
  }
  assert.ok(wait > 590_000, `${wait}`);
});

test("a silent connection is given up and continued", async () => {
  const { fetch, asked } = service(stream([logFrame("1-0")], "open"), stream([done("1-0")]));
  const causes = [];
  for await (const event of follow({ ...quick, fetch, silenceMs: 50 })) if (event.type === "state" && event.cause) causes.push(event.cause);
  assert.deepEqual(causes, ["silent"]);
  assert.match(asked[1].url, /after_id=1-0/);
});

test("where a proxy holds bodies back, pages are read until the job has ended", async () => {
  const pages = [{ lines: [line("1-0"), line("2-0")], has_more: false, newest_id: "2-0" }, { lines: [], has_more: false, newest_id: null }];
  let streams = 0;
  const fetch = async (url, init) => {
    if (url.includes("/stream")) return (streams += 1), stream([], "open")(init);
    if (url.includes("/status")) return Response.json({ status: "ready", terminal: true });
    return Response.json(pages.length > 1 ? pages.shift() : pages[0]);
  };
  const events = await take(follow({ ...quick, fetch, firstByteMs: 20, pollMs: 10 }));
  assert.equal(streams, 2);
  assert.deepEqual(idsOf(events), ["1-0", "2-0"]);
  assert.equal(events.at(-1).status, "ready");
});

test("204 means that the log has ended before", async () => {
  const { fetch } = service(() => new Response(null, { status: 204 }), () => Response.json({ status: "failed", terminal: true }));
  assert.deepEqual(await take(follow({ ...quick, after: "5-0", fetch })), [{ type: "done", status: "failed" }]);
});

test("close, an aborted signal and break all end the connection, without a rejection", async () => {
  for (const how of ["close", "signal", "break"]) {
    const aborted = new AbortController();
    let connection;
    const fetch = async (url, init) => ((connection = init.signal), stream([logFrame("1-0")], "open")(init));
    const following = follow({ ...quick, fetch, signal: aborted.signal });
    for await (const event of following) {
      if (event.type !== "lines") continue;
      if (how === "close") following.close();
      if (how === "signal") aborted.abort();
      if (how === "break") break;
    }
    assert.ok(connection.aborted, how);
  }
});

test("whoever closes before there is a connection gets none", async () => {
  const { fetch, asked } = service(stream([logFrame("1-0")], "open"));
  const following = follow({ ...quick, fetch });
  for await (const event of following) if (event.state === "connecting") following.close();
  assert.equal(asked.length, 0);
});

test("a search over the whole log goes on where it was ended or broken off, and finds every line once", async () => {
  const all = Array.from({ length: 20 }, (_, n) => line(`${n + 1}-0`));
  const asked = [];
  // Each answer has a few lines, and then ends in another way.
  const fetch = async (url) => {
    const query = new URL(url, "http://x").searchParams;
    asked.push(query.get("after_id"));
    const rest = all.filter(({ id }) => compareIds(id, query.get("after_id") ?? "0-0") > 0);
    const found = rest.slice(0, 5).map(({ id, text }) => JSON.stringify({ match: { id, text, spans: [] } })).join("\n");
    const end = (reason, to) => `\n{"end":{"reason":"${reason}","scanned_to":"${to}"}}\n`;
    const how = asked.length;
    if (how === 1) return new Response(found + end("limit", "5-0"));
    if (how === 2) return new Response(`${found}\n{"match":{"id":"11-0","te`);
    if (how === 3) return new Response(`{"detail":"No","code":"too-many-searches"}`, { status: 429 });
    if (how === 4) return Promise.reject(new TypeError("network"));
    return new Response(found + end(rest.length > 5 ? "time" : "end", rest[4].id));
  };
  const found = [];
  for await (const event of searchAll({ job: "j", text: "x", fetch })) found.push("match" in event ? event.match.id : event.end.reason);
  assert.deepEqual(found, [...all.map(({ id }) => id), "end"]);
  assert.deepEqual(asked, [null, "5-0", "10-0", "10-0", "10-0", "15-0"]);
  const refused = service(problem(422, "invalid-query"));
  await assert.rejects((async () => { for await (const _ of searchAll({ job: "j", text: "(", fetch: refused.fetch })); })(), { status: 422 });
  assert.equal(refused.asked.length, 1);
});

test("pages, the whole log and a search", async () => {
  const one = service(() => Response.json({ lines: [line("1-0")], has_more: true, newest_id: "1-0", oldest_id: "1-0" }));
  await page({ job: "a b", url: "https://x/", before: "5-0", limit: 7, fetch: one.fetch });
  assert.equal(one.asked[0].url, "https://x/api/jobs/a%20b/logs?before_id=5-0&limit=7");
  const all = service(() => Response.json({ lines: [line("1-0")], has_more: true, newest_id: "1-0" }), () => Response.json({ lines: [line("2-0")], has_more: false, newest_id: "2-0" }));
  const read = [];
  for await (const lines of readAll({ job: "j", fetch: all.fetch })) read.push(...lines);
  assert.deepEqual(read.map(({ id }) => id), ["1-0", "2-0"]);
  const text = `{"match":{"id":"1-0","text":"é","spans":[[0,1]]}}\n{"end":{"reason":"end","scanned_to":"1-0","lines":1,"matches":1}}`;
  const bytes = new TextEncoder().encode(text);
  const found = [];
  const body = new ReadableStream({ start(to) { for (const byte of bytes) to.enqueue(Uint8Array.of(byte)); to.close(); } });
  for await (const event of search({ job: "j", text: "a&b", regex: true, fetch: async (url) => (assert.match(url, /q=a%26b&regex=1$/), new Response(body)) })) found.push(event);
  assert.deepEqual(found.map((event) => Object.keys(event)[0]), ["match", "end"]);
});
