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
      s.needs = needs; host.effects.push(() => { s.undo?.(); s.undo = run(); }); host.undo = () => s.undo?.();
    };`);
  const { host } = await import(pathToFileURL(join(folder, "node_modules/react/index.js")).href);
  const { useBuildLogs } = await import(pathToFileURL(join(folder, "client/react.js")).href);
  return { host, useBuildLogs, remove: () => rm(folder, { recursive: true }) };
}

const frame = (event, id, data) => `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;

test("the hook has every line once, ends, and does not connect again when it is drawn again", async () => {
  const { host, useBuildLogs, remove } = await hook();
  let connections = 0;
  globalThis.fetch = async (url, { headers }) => {
    connections += 1;
    assert.equal(headers.Authorization, "Bearer t");
    assert.match(url, /^\/api\/jobs\/j\/logs\/stream\?after_id=0-0$/);
    return new Response(frame("log", "1-0", { id: "1-0", text: "a" }) + frame("log", "2-0", { id: "2-0", text: "b" }) + frame("done", "2-0", { status: "failed" }));
  };
  let shown;
  const ended = new Promise((resolve) => {
    host.draw = () => {
      host.at = 0;
      shown = useBuildLogs("j", async () => "t");
      for (const run of host.effects.splice(0)) run();
      if (shown.status) resolve();
    };
  });
  host.draw();
  await ended;
  assert.deepEqual(shown.lines.map(({ text }) => text), ["a", "b"]);
  assert.equal(shown.status, "failed");
  assert.equal(connections, 1);
  host.undo();
  await remove();
});
