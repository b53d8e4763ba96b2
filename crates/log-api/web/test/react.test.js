import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

/** The hook with the least of React that it needs: one component, drawn again whenever its state is set. */
async function hook() {
  const folder = await mkdtemp(join(tmpdir(), "job-log-"));
  await cp(new URL("../client", import.meta.url), join(folder, "client"), { recursive: true });
  await writeFile(join(folder, "package.json"), `{"type":"module"}`);
  await mkdir(join(folder, "node_modules/react"), { recursive: true });
  await writeFile(join(folder, "node_modules/react/package.json"), `{"type":"module","main":"index.js"}`);
  await writeFile(join(folder, "node_modules/react/index.js"), `
    export const host = { slots: [], at: 0, effects: [], draw: () => {} };
    const slot = (make) => (host.slots[host.at] ??= make(), host.slots[host.at++]);
    export const useState = (first) => { const s = slot(() => ({ value: first })); return [s.value, (v) => { s.value = v; host.draw(); }]; };
    export const useRef = (value) => slot(() => ({ current: value }));
    export const useEffect = (run, needs) => {
      const s = slot(() => ({}));
      if (s.needs && s.needs.every((n, i) => n === needs[i])) return;
      s.needs = needs; s.run = run; host.effects.push(() => { s.undo?.(); s.undo = run(); }); host.undo = () => s.undo?.();
    };`);
  const { host } = await import(pathToFileURL(join(folder, "node_modules/react/index.js")).href);
  const { useBuildLogs } = await import(pathToFileURL(join(folder, "client/react.js")).href);
  return { host, useBuildLogs, remove: () => rm(folder, { recursive: true }) };
}

const frame = (event, id, data) => `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
const log = (n) => frame("log", `${n}-0`, { id: `${n}-0`, text: `line ${n}` });
const heartbeat = (id = "5-0") => frame("heartbeat", id, {});
const done = (status) => frame("done", "9-0", { status });
const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A service that answers with these bodies, one after the other; with `null` at the end of one it stays open. */
function service(...bodies) {
  const asked = [];
  globalThis.fetch = async (url, { headers, signal }) => {
    const [text, ...more] = [bodies.length > 1 ? bodies.shift() : bodies[0]].flat();
    const connection = { url, token: headers.Authorization, isOpen: true };
    asked.push(connection);
    signal.addEventListener("abort", () => (connection.isOpen = false));
    if (typeof text === "number") return new Response("{}", { status: text });
    return new Response(new ReadableStream({
      start(to) {
        to.enqueue(new TextEncoder().encode(text));
        signal.addEventListener("abort", () => { try { to.error(new Error("aborted")); } catch { /* closed */ } });
        if (more.length === 0) to.close();
      },
    }));
  };
  return asked;
}

/** A component that shows a log, and what it has shown last. */
async function component(props) {
  const { host, useBuildLogs, remove } = await hook();
  const shown = { logs: null, drawings: 0 };
  host.draw = () => {
    host.at = 0;
    shown.drawings += 1;
    shown.logs = useBuildLogs(props.job, props.getToken ?? (async () => "t"), props.options);
    for (const run of host.effects.splice(0)) run();
  };
  host.draw();
  const until = async (holds) => {
    for (let turn = 0; turn < 400 && !holds(shown.logs); turn += 1) await after(10);
    assert.ok(holds(shown.logs), JSON.stringify(shown.logs));
  };
  return { host, shown, until, end: async () => (host.undo(), remove()) };
}

const texts = ({ lines }) => lines.map(({ text }) => text).join();

test("like the hook that it replaces it has every line from now on, once, and stops at the end", async () => {
  const asked = service(heartbeat() + log(6) + log(7) + done("failed"));
  const { shown, until, end } = await component({ job: "j" });
  await until(({ status }) => status === "failed");
  assert.equal(texts(shown.logs), "line 6,line 7");
  // No cursor: whoever shows the history by itself gets no line twice.
  assert.deepEqual(asked.map(({ url, token }) => [url, token]), [["/api/jobs/j/logs/stream", "Bearer t"]]);
  await after(50);
  assert.equal(asked.length, 1);
  await end();
});

test("after a break it goes on behind the last line, and before the first line behind the first heartbeat", async () => {
  const asked = service(heartbeat("5-0"), log(6) + log(7), log(8) + done("ready"));
  const { shown, until, end } = await component({ job: "j" });
  await until(({ status }) => status === "ready");
  assert.equal(texts(shown.logs), "line 6,line 7,line 8");
  assert.deepEqual(asked.map(({ url }) => url.split("?")[1]), [undefined, "after_id=5-0", "after_id=7-0"]);
  await end();
});

test("the lines from before are there for whoever asks", async () => {
  const asked = service(log(1) + done("ready"));
  const { until, end } = await component({ job: "j", options: { after: "start" } });
  await until(({ status }) => status === "ready");
  assert.match(asked[0].url, /after_id=0-0$/);
  await end();
});

test("a new function or new options at each drawing are no new connection", async () => {
  const asked = service([heartbeat() + log(6), null]);
  const props = { job: "j", options: {} };
  const { host, until, end } = await component(props);
  await until(({ lines }) => lines.length === 1);
  props.getToken = async () => "u";
  props.options = {};
  host.draw();
  await after(20);
  assert.equal(asked.length, 1);
  await end();
});

test("another job begins anew, and neither the one before nor a component that is gone stays connected", async () => {
  const asked = service([heartbeat() + log(6), null], [heartbeat() + log(7), null]);
  const props = { job: "a" };
  const { host, shown, until, end } = await component(props);
  await until((logs) => texts(logs) === "line 6");
  props.job = "b";
  host.draw();
  await until((logs) => texts(logs) === "line 7");
  assert.deepEqual(asked.map(({ url, isOpen }) => [url.split("/")[3], isOpen]), [["a", false], ["b", true]]);
  await end();
  await after(20);
  assert.equal(asked[1].isOpen, false);
  const { drawings } = shown;
  await after(300);
  assert.equal(shown.drawings, drawings, "a component that is gone is not drawn");
});

test("an effect that runs twice, as in development, leaves one connection and every line once", async () => {
  const asked = service([heartbeat() + log(6), null]);
  const { host, until, end } = await component({ job: "j" });
  const [slot] = host.slots.filter(({ undo }) => undo);
  slot.undo();
  slot.undo = slot.run();
  await until(({ lines }) => lines.length > 0);
  await after(50);
  await until((logs) => texts(logs) === "line 6");
  assert.equal(asked.filter(({ isOpen }) => isOpen).length, 1);
  await end();
});

test("a refusal is an error, and a token that was refused is asked for without a cache", async () => {
  const asked = service(401);
  const options = [];
  const { shown, until, end } = await component({ job: "j", getToken: async (how) => (options.push(how), "t") });
  await until(({ error }) => error !== null);
  assert.equal(shown.logs.error.status, 401);
  assert.deepEqual(options, [{ skipCache: false }, { skipCache: true }]);
  assert.equal(asked.length, 2);
  await end();
});

test("nothing is followed without a job", async () => {
  const asked = service(done("ready"));
  const { shown, end } = await component({ job: null });
  await after(20);
  assert.deepEqual([asked.length, shown.logs.lines.length], [0, 0]);
  await end();
});
